# SPDX-License-Identifier: Apache-2.0
# The Endpoint Directory: the page and its search, the Bundles, what they show of a practice's records and what
# they do not, several practices, and a database that is away. The directives of portals.
use strict;
use warnings;
use FHIR::Test;
use FHIR::Test::Auth;
use FHIR::Test::Browser;
use FHIR::Test::System qw(free_port run source_dir work_dir write_file);
use IO::Uncompress::Gunzip qw(gunzip);
use JSON::PP ();
use Test::More;

my $PORTAL = <<'CONF';
<Location "/portal">
    FHIRPortal On
</Location>
CONF
my $t = FHIR::Test->new(start => 0, endpoints => <<"CONF");
FHIRPracticeName "Lakeside Family Practice"
<Location "/fhir/r4">
    FHIREndpoint R4 provider
</Location>
<Location "/open/r4">
    FHIREndpoint R4 patient
</Location>
<Location "/fhir/dstu2">
    FHIREndpoint DSTU2 provider
</Location>
<Location "/dev/r4">
    FHIREndpoint R4 open
    Require local
</Location>
<Location "/hill/r4">
    FHIREndpoint R4 patient
    FHIRTenant hill_side
    FHIRPracticeName "Hillside & <Sons>"
    FHIRPracticeOrganization hill
</Location>
<Location "/gone/r4">
    FHIREndpoint R4 patient
    FHIRTenant gone
    FHIRPracticeName "Gone"
</Location>
$PORTAL
CONF
my $npi = { system => 'http://hl7.org/fhir/sid/us-npi', value => '9000000007' };
$t->load(
    { resourceType => 'Organization', id => 'lakeside', active => JSON::PP::true, name => 'Lakeside Family Practice',
        alias => ['Lago'], identifier => [$npi], telecom => [ { system => 'phone', value => '555-0100' } ],
        contact => [ { name => { family => 'Secretary' } } ],
        address => [ { line => ['100 Main Street'], city => 'Worcester', state => 'MA', postalCode => '01608' } ] },
    { resourceType => 'Organization', id => 'payer', active => JSON::PP::true, name => 'Some Payer' },
    map {
        { resourceType => 'Location', id => $_, name => "Lakeside $_", status => 'active',
            managingOrganization => { reference => 'Organization/lakeside' },
            address => { line => ['1 Road'], city => ucfirst "${_}ville", postalCode => '01501' } }
    } qw(north south));
my @init = ('init', '--tenant', 'hill_side', '--indexes', 'patient', '--role', 'fhir_server');
is($t->fhirctl(@init)->{status}, 0, 'a second practice');
$t->psql("INSERT INTO hill_side.organization (id, version, last_updated, resource) VALUES ('hill', 1, now(), "
        . "'{\"resourceType\":\"Organization\",\"id\":\"hill\",\"name\":\"Hillside & <Sons>\"}')");
$t->start;

# ---- the page ----
{
    my $page = $t->get('/portal/directory');
    is($page->status, 200, 'the directory');
    like($page->header('Cache-Control'), qr/public/, '  may be kept');
    my @names = $page->body =~ m{<h2>(.*?) <span class="state state-(\w+)}g;
    is("@names", 'Gone bad Hillside &amp; &lt;Sons&gt; good Lakeside Family Practice good',
        'practices by name, up or down');
    like($page->body, qr/100 Main Street, Worcester, MA 01608 · 555-0100 · NPI 9000000007/, '  with address and NPI');
    my $badge     = qr{<span class="badge">(?:FHIR )?(\w+)</span>};
    my @endpoints = $page->body =~ m{$badge $badge <code class="url">[^<]*?:\d+(/[^<]+)<}g;
    is("@endpoints", 'Patient R4 /gone/r4 Patient R4 /hill/r4 Provider R4 /fhir/r4 Patient R4 /open/r4 '
            . 'Provider DSTU2 /fhir/dstu2', '  and each endpoint with badge and release, but for open ones');
    unlike($page->body, qr/Some Payer|Secretary|<Sons>/, 'nobody else, and text is text');
    my %found = ('worcester' => 1, 'LAGO' => 1, '01608 lake' => 1, '9000000007' => 1, 'Northville' => 1, 'side' => 2,
        'payer' => 0, '100%' => 1, '%999%' => 0, '<script>' => 0);
    for my $q (sort keys %found) {
        my $body = $t->get('/portal/directory?q=' . ($q =~ s/([^\w])/sprintf '%%%02X', ord $1/ger))->body;
        my @cards = $body =~ /<article/g;
        is(scalar @cards, $found{$q}, "search: $q");
        unlike($body, qr/<script>/, '  as text') if $q =~ /</;
    }
    is($t->get('/portal/directory', 'Accept-Language' => 'es')->header('Content-Language'), 'es', 'in Spanish');
    is($t->get('/portal/nothing')->status, 404, 'what is not there');
    is($t->post('/portal/directory', '')->status, 405, 'what cannot be posted');
}

# ---- the Bundles ----
{
    my $answer = $t->get('/portal/directory/endpoints', Origin => 'https://app.example');
    like($answer->header('Content-Type'), qr{^application/fhir\+json}, 'service base URLs');
    is($answer->header('Access-Control-Allow-Origin'), '*', '  for any page');
    my $tag = $answer->header('ETag');
    is($t->get('/portal/directory/endpoints', 'If-None-Match' => $tag)->status, 304, '  304 to who has it');
    my $zipped = $t->get('/portal/directory/endpoints', 'Accept-Encoding' => 'gzip');
    is($zipped->header('Content-Encoding') . $zipped->header('ETag'), "gzip$tag", '  compressed, under the same tag');
    gunzip(\(my $bytes = $zipped->body), \my $text);
    is($text, $answer->body, '    the same text');
    is($_->header('Vary'), 'Accept-Encoding', '    as caches are told') for $answer, $zipped;
    my $bundle = $answer->json;
    is($bundle->{type}, 'collection', '  a collection');
    my %by_id = map { ("$_->{resource}{resourceType}/$_->{resource}{id}" => $_->{resource}) } @{ $bundle->{entry} };
    is(scalar keys %by_id, scalar @{ $bundle->{entry} }, '  each id once');
    my %referred = map { $_->{reference} => 1 } map { @{ $_->{endpoint} || [] } } values %by_id;
    my @endpoints = sort grep { /^Endpoint/ } keys %by_id;
    is(join(' ', sort keys %referred), join(' ', @endpoints), '  each endpoint is an organization\'s, and no other');
    is("@endpoints", 'Endpoint/gone-R4-patient Endpoint/hill.side-R4-patient Endpoint/main-R4-patient '
            . 'Endpoint/main-R4-provider', '  those of R4');
    is($by_id{'Endpoint/main-R4-patient'}{extension}[ 0 ]{valueCode}, '4.0.1', '  and say so');
    is($by_id{'Organization/main'}{address}[ 0 ]{city}, 'Worcester', '  addresses');
    ok((grep { $_->{value} eq '9000000007' } @{ $by_id{'Organization/main'}{identifier} }), '  NPI');
    is($by_id{'Organization/main-1'}{partOf}{reference}, 'Organization/main', '  places are parts');
    ok(!exists $by_id{'Organization/main'}{contact}, '  no persons');
    is($by_id{'Organization/hill.side'}{name}, 'Hillside & <Sons>', '  the one that is named');
    for my $address (grep { !/gone/ } map { $by_id{$_}{address} } @endpoints) {
        my $statement = $t->get($address =~ s{^http://[^/]+}{}r . '/metadata', Accept => 'application/fhir+json')->json;
        is($statement->{resourceType}, 'CapabilityStatement', "  $address has a CapabilityStatement");
    }
    is(join(' ', grep { my $o = $by_id{$_}; /^Organization/ && !$o->{endpoint}
                && !$by_id{ $o->{partOf}{reference} // '' }{endpoint} } sort keys %by_id), '',
        '  each organization has endpoints, or is part of one that has');
    my $brands = $t->get('/portal/directory/brands')->json;
    my @brands = grep { $_->{resourceType} eq 'Endpoint' } map { $_->{resource} } @{ $brands->{entry} };
    is(join(' ', sort map { $_->{id} } @brands), 'gone-R4-patient hill.side-R4-patient main-R4-patient',
        'brands: endpoints for patients');
    my $smart = $t->get('/open/r4/.well-known/smart-configuration')->json;
    is($smart->{user_access_brand_bundle}, $t->url('/portal/directory/brands'), '  named by smart-configuration');
    my $own = $smart->{user_access_brand_identifier};
    is(scalar(grep { $_->{system} eq $own->{system} && $_->{value} eq $own->{value} }
                map { @{ $_->{resource}{identifier} || [] } } @{ $brands->{entry} }), 1, '  as one of them');
    my $previous = $t->get('/portal/directory/endpoints/DSTU2')->json;
    is(join(' ', map { "$_->{resource}{resourceType}/$_->{resource}{id}" } @{ $previous->{entry} }),
        'Organization/main Organization/main-1 Organization/main-2 Endpoint/main-DSTU2-provider',
        'the previous release has a Bundle of its own, with the practices that serve it');
    is($previous->{entry}[ -1 ]{resource}{extension}[ 0 ]{valueCode}, '1.0.2', '  and says so');
    is_deeply($t->get('/portal/directory/endpoints/R4')->json, $bundle, 'R4 by its name is the same');
    is($t->get("/portal/directory/endpoints/$_")->status, 404, "no release is '$_'") for '', 'R5', 'r4', 'R4/x';
    my $dstu2 = $t->get('/fhir/dstu2/.well-known/smart-configuration')->json;
    is($dstu2->{user_access_brand_bundle}, $t->url('/portal/directory/brands/DSTU2'), 'its brands are named');
    my $there = $t->get('/portal/directory/brands/DSTU2')->json;
    $own = $dstu2->{user_access_brand_identifier}{value};
    is(scalar(grep { $_->{value} eq $own } map { @{ $_->{resource}{identifier} } } @{ $there->{entry} }), 1,
        '  the practice is one of them');
    like($t->get('/portal/directory')->body, qr{FHIR DSTU2: <a href="[^"]*/directory/endpoints/DSTU2">},
        'the page links to them');
    ok(!exists $t->get('/hill/r4/.well-known/smart-configuration')->json->{user_access_brand_bundle},
        '  where the practice has a portal');
}

# ---- a Bundle is kept until a record says something else ----
{
    my $path = '/portal/directory/endpoints';
    my $tag = $t->get($path)->header('ETag');
    my $change = sub { $t->psql("UPDATE main.organization SET resource = replace(resource, '$_[0]', '$_[1]')") };
    my $city = sub { my ($o) = grep { $_->{id} eq 'main' } $t->get($path)->resources; return $o->{address}[ 0 ]{city} };
    $change->('Worcester', 'Westborough');
    ok(wait_for(sub { $city->() eq 'Westborough' }, 15), 'an address that changed is in the Bundle');
    isnt($t->get($path)->header('ETag'), $tag, '  under another tag');
    $change->('Westborough', 'Worcester');
    ok(wait_for(sub { $city->() eq 'Worcester' }, 15), '  and changed back');
    is($t->get($path)->header('ETag'), $tag, '  under the first tag');
}

# ---- thousands of practices: each snapshot reads some ----
{
    my $all = 1000;
    my $n   = 240;
    my $places = join '', map {
        "<Location \"/p$_/r4\">\nFHIREndpoint R4 patient\nFHIRTenant p$_\nFHIRPracticeName P$_\n"
            . "FHIRPracticeOrganization o\n</Location>\n"
    } 1 .. $all;
    my $many = $t->second(processes => 1,
        endpoints => "$PORTAL<Location /fhir/r4>\nFHIREndpoint R4 provider\n</Location>\n$places");
    $t->psql(join '', map {
            "CREATE SCHEMA p$_; CREATE TABLE p$_.organization (LIKE main.organization);"
                . "CREATE TABLE p$_.location (LIKE main.location); GRANT USAGE ON SCHEMA p$_ TO fhir_server;"
                . "GRANT SELECT ON ALL TABLES IN SCHEMA p$_ TO fhir_server;"
                . "INSERT INTO p$_.organization (id, version, last_updated, resource) VALUES ('o', 1, now(), "
                . "'{\"resourceType\":\"Organization\",\"alias\":[\"Talia\"]}');"
        } 1 .. $n);
    my $found = sub { $many->get("/portal/directory?q=$_[0]", Accept => 'application/json')->json->{found} };
    my $first = $found->('Talia');
    is($found->(''), $all + 1, "$all practices are listed");
    ok($first > 0 && $first <= 200, "  of $first the records were read at first");
    ok(wait_for(sub { $found->('Talia') == $n }, 15), '  the others in their turn');
    is(scalar @{ $many->get('/portal/directory/endpoints')->json->{entry} }, 2 * ($all + 1), '  the Bundle has all');
    $many->stop;
}

# The endpoints of the front page, up or down: as the page has them, and as programs get them.
sub health {
    my ($server) = @_;
    my $page = $server->get('/portal/');
    my ($list) = $page->body =~ m{<ul [^>]*id="health">(.*?)</ul>}s;
    my @page = $list =~ m{<span class="state state-\w+">(\w+)</span>.*?<code class="url">[^<]*?:\d+(/[^<]+)<}sg;
    my $json = $server->get('/portal/', Accept => 'application/json')->json;
    my @json = map { ($_->{up} ? 'up' : 'down', $_->{url} =~ s{^http://[^/]+}{}r) } @{ $json->{endpoints} };
    is("@page", "@json", 'the front page and its JSON agree');
    return $page->status . " @page";
}

# ---- the status of the server ----

# The endpoints of the status page: path, up or down, certificate; as the page has them, and as programs get them.
sub status_of {
    my ($server) = @_;
    my $page = $server->get('/portal/status');
    my $json = $server->get('/portal/status', Accept => 'application/json')->json;
    my $path = sub { $_[0] =~ s{^https?://[^/]+}{}r };
    my %page = map {
        my ($up, $url, $rest) = m{state-\w+">(\w+)</span>.*?<code class="url">([^<]*)</code>(.*)}s;
        my ($since) = $rest =~ /datetime="([^"]*)"/;
        my ($certificate) = $rest =~ /(no certificate|not known|ended on [\d-]+|\d+ days left, until [\d-]+)/;
        ($path->($url) => "$up $since $certificate" . ($rest =~ /state-bad">([\w ]+)/ ? " $1" : ''));
    } split /<li class="endpoint">/, $page->body =~ m{id="health">\s*<li class="endpoint">(.*?)</ul>}s ? $1 : '';
    my %text = ('certificate-none' => sub { 'no certificate' }, 'certificate-unknown' => sub { 'not known' },
        'certificate-over' => sub { "ended on $_[0]{certificate_ends} has ended" },
        'certificate-soon' => sub { "$_[0]{certificate_days} days left, until $_[0]{certificate_ends} ends soon" },
        'certificate-good' => sub { "$_[0]{certificate_days} days left, until $_[0]{certificate_ends}" });
    my %json = map {
        ($path->($_->{url}) => join ' ', $_->{up} ? 'up' : 'down', $_->{since}, $text{ $_->{certificate} }->($_))
    } @{ $json->{endpoints} };
    is_deeply(\%page, \%json, 'the status page and its JSON agree');
    is("$json->{answering}/$json->{all}", (grep { /^up/ } values %page) . '/' . keys(%page), '  as counted');
    return (\%page, $json, $page);
}
{
    my ($of, $json, $page) = status_of($t);
    is($page->status, 200, 'the status of the server');
    is($page->header('Cache-Control'), 'public, max-age=5', '  may be kept for seconds');
    is(join(' ', map { "$_ " . ($of->{$_} =~ s/ .*? / /r) . ',' } sort keys %$of),
        '/fhir/dstu2 up no certificate, /fhir/r4 up no certificate, /gone/r4 down no certificate, '
            . '/hill/r4 up no certificate, /open/r4 up no certificate,', '  each endpoint');
    is((split ' ', $of->{'/fhir/r4'})[ 1 ], $json->{started}, '  up since the server runs');
    isnt((split ' ', $of->{'/gone/r4'})[ 1 ], undef, '  down since it was seen');
    like($json->{version}, qr/^\d+\.\d+/, '  with the version');
    like($page->body, qr{<dd>\Q$json->{version}\E</dd>}, '  on the page, too');
    unlike($page->body . JSON::PP->new->encode($json), qr/dbname|host=|@{[ work_dir() ]}|fhir_server|hill_side/,
        '  and nothing of the database or the machine');
    is($t->get('/portal/status', 'Accept-Language' => 'es')->header('Content-Language'), 'es', '  in Spanish');
    is($t->get("/portal/status?from=$_")->status, 200, "  from $_") for 'x', '-1', '9999999', '99999999999';
    is($t->post('/portal/status', '')->status, 405, '  cannot be posted');
    my $before = status_of_url($t, '/hill/r4');
    $t->graceful;
    is(status_of_url($t, '/hill/r4'), $before, '  and a graceful restart forgets nothing');
}

sub status_of_url {
    my ($server, $path) = @_;
    my ($e) = grep { $_->{url} =~ /\Q$path\E$/ }
        @{ $server->get('/portal/status', Accept => 'application/json')->json->{endpoints} };
    return join ' ', $e->{up} ? 'up' : 'down', $e->{since};
}

# ---- certificates ----
{
    my ($port, $dir) = (free_port(), work_dir());
    my %days = (good => 90, soon => 13, over => -1);
    my $hosts = '';
    for my $name (sort keys %days) {
        my $file = "$dir/$name";
        run({}, 'openssl', 'req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj',
            "/CN=$name.example", '-keyout', "$file.key", '-out', "$file.csr");
        run({}, 'openssl', 'x509', '-req', '-in', "$file.csr", '-signkey', "$file.key", '-days', $days{$name}, '-out',
            "$file.pem")->{status} and die 'no certificate';
        # one of them is a managed domain, whose files mod_ssl has from mod_md
        my ($managed, $own) = map { "${_}CertificateFile $file.pem\n${_}CertificateKeyFile $file.key\n" } qw(MD SSL);
        $hosts .= "<MDomain $name.example>\n$managed</MDomain>\n" if $name eq 'good';
        $hosts .= "<VirtualHost 127.0.0.1:$port>\nServerName $name.example\nServerAlias *.$name.example\nSSLEngine On\n"
            . ($name eq 'good' ? '' : $own)
            . "<Location /own/r4>\nFHIREndpoint R4 provider\n</Location>\n</VirtualHost>\n";
    }
    my %base = (good => "good.example:$port", soon => "www.soon.example:$port", over => "over.example:$port",
        elsewhere => 'good.example', stranger => "stranger.example:$port");
    my $server = $t->second(processes => 1, modules => [qw(ssl socache_shmcb watchdog md)], conf =>
        "ServerTokens Prod\nMDStoreDir $dir/md\nMDMembers manual\nListen 127.0.0.1:$port\n$hosts",
        endpoints => $PORTAL . join '', map {
            "<Location /$_/r4>\nFHIREndpoint R4 provider\nFHIRBaseURL https://$base{$_}/$_/r4\n</Location>\n"
        } sort keys %base);
    my ($of, $json, $page) = status_of($server);
    my %ends = map { ($_ => date_in($days{$_})) } keys %days;
    is_deeply({ map { ($_ => $of->{$_} =~ s/^up \S+ //r) } keys %$of }, {
            '/good/r4' => "89 days left, until $ends{good}", '/soon/r4' => "12 days left, until $ends{soon} ends soon",
            '/over/r4' => "ended on $ends{over} has ended", '/elsewhere/r4' => 'not known',
            '/stranger/r4' => 'not known' }, 'certificates: those that this server presents for the base URL');
    unlike($page->body . JSON::PP->new->encode($json), qr/\Q$dir\E/, '  without their files');
    ok(!exists $json->{version}, 'ServerTokens Prod: no version');
    unlike($page->body, qr/<dt>mod_fhir/, '  on the page, too');
    my %warned = $server->log_text =~ /FHIR0805: the certificate of (\S+) (ends|ended) on/g;
    is_deeply(\%warned, { 'over.example' => 'ended', 'soon.example' => 'ends' },
        'the error log warns of those that end');
    $server->allow_log(qr/FHIR0805|AH01873|AH0190[69]|AH01915/);
    my $file = write_file("$dir/word", "$FHIR::Test::Auth::PASSWORD\n");
    $t->fhirctl('user', 'add', 'chief', '--kind', 'admin', '--display', 'Chief', '--password-file', $file);
    my $chief = FHIR::Test::Browser->new($server);
    $chief->get($server->url('/portal/licences'));
    $chief->sign_in('chief', $FHIR::Test::Auth::PASSWORD);
    my @notes = $chief->{page}->body =~ m{The certificate of https://(\S+) ende?(?:s in (\d+) days|d on (\S+):)}g;
    is(join(' ', grep { defined } @notes), "over.example:$port/over/r4 $ends{over} www.soon.example:$port/soon/r4 12",
        'and so does License Management');
    $server->stop;
}

sub date_in {
    my ($days) = @_;
    my @t = gmtime(time + 86400 * $days);
    return sprintf '%d-%02d-%02d', $t[ 5 ] + 1900, $t[ 4 ] + 1, $t[ 3 ];
}

# ---- a practice without an address ----
{
    my $file = write_file(work_dir() . '/word', "$FHIR::Test::Auth::PASSWORD\n");
    $t->fhirctl('user', 'add', 'warned', '--kind', 'admin', '--display', 'Chief', '--password-file', $file);
    my $chief = FHIR::Test::Browser->new($t);
    my $warning = sub { $chief->get($t->url('/portal/licences'))->body =~ /id="unlisted">([^<]*)/ ? $1 : '' };
    $chief->get($t->url('/portal/licences'));
    $chief->sign_in('warned', $FHIR::Test::Auth::PASSWORD);
    my $change = sub { $t->psql("UPDATE main.$_[0] SET resource = replace(resource, '\"$_[1]\"', '\"$_[2]\"')") };
    is($warning->(), '', 'License Management does not warn of a practice with an address');
    $change->('organization', 'address', 'gone');
    wait_for(sub { $t->get('/portal/directory')->body !~ /Worcester/ }, 15);
    is($warning->(), '', '  nor of one whose location has one');
    $change->('location', 'address', 'gone');
    my $told = qr{without an address, which 45 CFR 170\.404 requires.*Organization/lakeside};
    ok(wait_for(sub { $warning->() =~ $told }, 15),
        '  but of one without any, with the record to mend');
    $change->($_, 'gone', 'address') for qw(organization location);
    $t->psql(q{UPDATE main.organization SET active = 'false' WHERE id = 'lakeside'});
    ok(wait_for(sub { $warning->() =~ /no active Organization of its records is named Lakeside/ }, 15),
        '  and of one without an Organization');
    $t->psql(q{UPDATE main.organization SET active = 'true' WHERE id = 'lakeside'});
    ok(wait_for(sub { $warning->() eq '' }, 15), '  until it is there');
}

# ---- records that cannot be read ----
is(health($t), '200 up /fhir/r4 up /open/r4 up /fhir/dstu2', "the front page: the practice's endpoints are up");
{
    $t->allow_log(qr{FHIR0701|FHIR0213|FHIR0202|FHIR0201: SQLSTATE 42P01});
    # one schema is away, the other one of a version that this server does not know
    $t->psql('ALTER SCHEMA main RENAME TO away; INSERT INTO hill_side.fhir_migration SELECT '
            . "'999-later', digest FROM hill_side.fhir_migration LIMIT 1");
    wait_for(sub { $t->get('/portal/directory')->body !~ /state-good/ }, 10);
    is(health($t), '200 down /fhir/r4 down /open/r4 down /fhir/dstu2', 'the front page says that they are down');
    my $page = $t->get('/portal/directory');
    is($page->status, 200, 'the directory is there while the records cannot be read');
    like($page->body, qr/Worcester.*state-bad|state-bad.*Worcester/s, '  with what it knew, down');
    is(scalar(grep { $_->{resource}{id} eq 'main-1' } @{ $t->get('/portal/directory/brands')->json->{entry} }), 1,
        '  in the Bundle, too');
    ok(wait_for(sub { $t->get('/portal/connect')->status == 503 }, 10), '  accounts are not');
    my ($of) = status_of($t);
    is(join(' ', map { "$_ " . ($of->{$_} =~ s/ .*//r) } sort keys %$of),
        '/fhir/dstu2 down /fhir/r4 down /gone/r4 down /hill/r4 down /open/r4 down', 'their status');
    my $down = status_of_url($t, '/hill/r4');
    $t->psql("ALTER SCHEMA away RENAME TO main; DELETE FROM hill_side.fhir_migration WHERE name = '999-later'");
    ok(wait_for(sub { $t->get('/portal/')->body !~ /state-bad/ }, 10), 'up again, the front page says so');
    my ($up, $since) = split ' ', status_of_url($t, '/hill/r4');
    is($up, 'up', '  and the status of the other practice');
    cmp_ok($since, 'gt', (split ' ', $down)[ 1 ], '  since then');
    my $lone = $t->second(conninfo => 'host=/nowhere dbname=none', processes => 1,
        endpoints => "$PORTAL<Location /fhir/r4>\nFHIREndpoint R4 provider\n</Location>\n");
    $lone->allow_log(qr{FHIR0701|FHIR0213|FHIR0735});
    is(health($lone), '200 down /fhir/r4', 'a server whose database is away has a front page, too');
    like($lone->get('/portal/directory')->body, qr/state-bad/, '  and a directory');
    ($of) = status_of($lone);
    like($of->{'/fhir/r4'}, qr/^down \d{4}-\S+Z no certificate$/, '  and a status');
    is($lone->get('/portal/docs/R4/Patient')->status, 200, '  and the documentation');
    $lone->stop;
}

# ---- directives ----
my %wrong = (
    'FHIRPortal On' => qr/belongs into a <Location>/,
    '<Location "/p*"> FHIRPortal On' => qr/wildcards/,
    '<Location "/p"> FHIRPortal Perhaps' => qr/not accepted/,
    "<Location \"/p\"> FHIRPortal On\nFHIRPortalSignUp open" => qr/FHIRPortalSignUp needs FHIRPortalMail/,
    "<Location \"/p\"> FHIRPortal On\nFHIRPortalMail /bin/cat" => qr/FHIRPortalMail needs FHIRPortalFrom/,
    '<Location "/p"> FHIRPortalMail sendmail' => qr/not an absolute path/,
    '<Location "/p"> FHIRPortalFrom nobody' => qr/no such address/,
    "<Location \"/p\"> FHIRPortalFrom \"a\@b.example>\"" => qr/no such address/,
    '<Location "/p"> FHIRPracticeOrganization "a b"' => qr/no such id/,
);
my $httpd = FHIR::Test::Httpd->new(endpoints => '');
for my $text (sort keys %wrong) {
    my $conf = $text =~ s/> /\>\n/r;
    $httpd->{endpoints} = "$conf\n" . ($text =~ /^</ ? "</Location>\n" : '');
    my $done = $httpd->check_config;
    isnt($done->{status}, 0, "refused: $text");
    like($done->{err} . $httpd->log_text, $wrong{$text}, '  with the reason');
}

$t->done;
