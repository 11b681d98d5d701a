# SPDX-License-Identifier: Apache-2.0
# The documentation of the API is what the endpoints' CapabilityStatements say: each type, parameter and interaction;
# OpenAPI and the Postman collection are valid, and newman runs the requests; examples are what the sample data answers
# (FHIR_WRITE_EXAMPLES=1 writes them to htdocs/ again).
use strict;
use warnings;
use FHIR::Test;
use FHIR::Test::Auth;
use FHIR::Test::Node qw(node);
use FHIR::Test::Portal;
use FHIR::Test::System qw(built read_file run source_dir work_dir write_file);
use JSON::PP ();
use Test::More;

my $p = FHIR::Test::Portal->new(conf => join "\n",
    map { sprintf qq(<Location "/dev/%s">\n    FHIREndpoint %s open\n    Require all granted\n</Location>\n), lc, $_ }
        qw(R4 DSTU2));
my ($t, $w) = @$p{ qw(t world) };
my $sample = run({}, built('fhirctl'), 'sample', '--patients', 2, '--as-of', '2026-11-20');
$t->load(write_file(work_dir() . '/sample.ndjson', $sample->{out}));
my $json = JSON::PP->new->canonical;
my %base = (R4 => '/fhir/r4', DSTU2 => '/fhir/dstu2');
is($t->get('/portal/docs')->status, 200, 'the documentation is public');
like($t->get('/portal/docs')->body, qr{<a class="tag tag-core" href="[^"]*/docs/R4/Patient">}, "US Core's types first");
for my $release (sort keys %base) {
    my $statement = $t->get("$base{$release}/metadata")->json;
    my ($rest) = @{ $statement->{rest} };
    my $index = $t->get("/portal/docs/$release");
    my @types = sort map { $_->{type} } @{ $rest->{resource} };
    my @listed = sort $index->body =~ m{<a class="tag[^>]*/docs/$release/(\w+)">}g;
    is("@listed", "@types", "$release: all types of the statement");
    # every type's page: its weight with the style sheet, and its form
    my $style = length $t->get('/portal/fhir.css')->body;
    my (@heavy, @lost, %body);
    for my $type (@types) {
        my $page = $t->get("/portal/docs/$release/$type")->body;
        push @heavy, $type if length($page) + $style >= 100_000;
        my ($body) = $page =~ m{id="body">(.*?)</pre>}s;
        $body{$type} = JSON::PP->new->utf8->decode(FHIR::Test::Browser::unescape($body)) if $body;
        my $answer = eval { try_it($page, _count => 1) } // $@;
        push @lost, "$type: " . substr $answer, 0, 80 if $answer !~ /^200 /;
    }
    is("@heavy", '', "$release: each page has less than 100 KB");
    is(join("\n", @lost), '', '  and a form that can be sent');
    for my $resource (grep { $_->{type} =~ /^(?:Patient|Observation)$/ } @{ $rest->{resource} }) {
        my $body = $t->get("/portal/docs/$release/$resource->{type}")->body;
        my @rows = $body =~ m{<tr><th scope="row"><code>([^<]+</code></th><td>\w+)</td>}g;
        is(join(' ', sort @rows), join(' ', sort map { "$_->{name}</code></th><td>$_->{type}" }
                @{ $resource->{searchParam} }),
            "$release: parameters of $resource->{type}");
        like($body, qr/<code class="url">\Q$_->{code}\E</, "  $_->{code}") for @{ $resource->{interaction} };
    }
    my $open = $t->get("/portal/docs/$release/openapi.json")->json;
    is($open->{openapi}, '3.1.0', "$release: OpenAPI");
    is($open->{servers}[ 0 ]{url}, $t->url($base{$release}), '  of this server');
    my %paths = %{ $open->{paths} };
    is(join(' ', sort grep { !/metadata|\{/ } keys %paths), join(' ', map { "/$_" } @types), '  has all types');
    my %ids;
    $ids{ $_->{operationId} }++ for grep { ref eq 'HASH' } map { values %$_ } values %paths;
    is(join(' ', grep { $ids{$_} > 1 } sort keys %ids), '', '  each operation once');
    # what create and update need: each page has a body, which OpenAPI and Postman have, too; newman sends them below
    my @writable = map { $_->{type} } grep { grep { $_->{code} eq 'create' } @{ $_->{interaction} } }
        @{ $rest->{resource} };
    is(join(' ', sort keys %body), join(' ', sort @writable), '  a body for each type that can be created');
    cmp_ok(scalar @writable, '>', 25, '  which are: ' . @writable);
    my $media = $release eq 'R4' ? 'application/fhir+json' : 'application/json+fhir';
    my $example = sub {
        my ($path, $method) = @_;
        return $json->encode($open->{paths}{$path}{$method}{requestBody}{content}{$media}{example});
    };
    is(join(' ', grep { $example->("/$_", 'post') ne $json->encode($body{$_}) } @writable), '',
        '  the same in OpenAPI');
    is(join(' ', grep { $example->("/$_/{id}", 'put') ne $json->encode({ %{ $body{$_} }, id => '123' }) } @writable),
        '', '  and for an update, with the id');
    my $text = $t->get("/portal/docs/$release/openapi.json")->body;
    my %missing = map { $_ => 1 } grep { !defined node_at($open, $_) } $text =~ /"\$ref":"#([^"]+)"/g;
    is(join(' ', sort keys %missing), '', '  refers to what it has');
    my $collection = $t->get("/portal/docs/$release/postman.json")->json;
    like($collection->{info}{schema}, qr/v2\.1\.0/, "$release: Postman");
    my %value = map { ($_->{key} => $_->{value}) } @{ $collection->{variable} };
    is($value{base}, $t->url($base{$release}), '  with the base');
    my $environment = $t->get("/portal/docs/$release/environment.json")->json;
    is(join(' ', map { $_->{key} } @{ $environment->{values} }), 'base token', '  its variables as an environment');
    cmp_ok(scalar @{ $collection->{item} }, '>', 20, '  has requests');
    my ($folder) = grep { $_->{item} } @{ $collection->{item} };
    my %sent = map { ($_->{name} => $json->encode(JSON::PP->new->decode($_->{request}{body}{raw}))) }
        @{ $folder->{item} };
    is(join(' ', grep { $sent{"Create $_"} ne $json->encode($body{$_})
                    || $sent{"Update $_"} ne $json->encode({ %{ $body{$_} }, id => '{{id}}' }) } @writable), '',
        '  the bodies of the pages, too');
    my $token = writer($t->url($base{$release}));
    my $done = node('documents.js', write_file(work_dir() . "/$release.json", $json->encode({ openapi => $open,
        collection => $collection, environment => $environment, token => $token })));
    for (split /\n/, $done->{out}) {
        if (/^(ok|not ok) \d+ - (.*)/) { ok($1 eq 'ok', "$release: $2") }
        elsif (/^# (.*)/) { diag($1) }
    }
    is($done->{status}, 0, "$release: the documents hold") or diag($done->{err});
    refusals($release, $t->get("/portal/docs/$release/Patient")->body, $body{Patient}, $token);
    # examples
    my $file = source_dir() . "/htdocs/examples.$release";
    my %example = map { ($_->{resourceType} => $_) } examples($release, @types);
    my $lines = join '', map { first_type($example{$_}) . "\n" } sort keys %example;
    $lines =~ s{http://127\.0\.0\.1:\d+}{http://127.0.0.1:8080}g;
    write_file($file, $lines) if $ENV{FHIR_WRITE_EXAMPLES};
    is(read_file($file), $lines, "$release: examples are what the server answers: " . keys %example)
        or diag 'if the sample has changed: FHIR_WRITE_EXAMPLES=1 t/run t/portal-docs.t, and build again';
    cmp_ok(scalar keys %example, '>', 12, '  of many types');
    my $page = $t->get("/portal/docs/$release/Patient")->body;
    like($page, qr{<a class="button small" id="run" href="([^"]+/dev/\L$release\E/Patient/$example{Patient}{id})">},
        '  and can be run');
    like($page, qr{<form [^>]*id="try" action="[^"]+/dev/\L$release\E/Patient">.*name="birthdate"}s,
        '  or another search');
    my ($id, $born) = @{ $example{Patient} }{qw(id birthDate)};
    like(try_it($page, birthdate => $born, _count => 5), qr{^200 .*/Patient/\Q$id\E\b}s,
        '  whose form finds the example');
    like(try_it($page, birthdate => '1850-01-01'), qr{^200 (?!.*/Patient/\Q$id\E\b)}s, '  or does not');
    my $answer = try_it($page, birthdate => '<b>"yesterday"');
    like($answer, qr{^400 .*&lt;b&gt;&quot;yesterday}s, '  and what is wrong in it is told, as text');
}
my $patient = $t->get('/portal/docs/R4/Patient')->body;
like($patient, qr{US Core Patient Profile.*<code class="url">identifier\.system</code>}s, 'must-support elements');
like($patient, qr{<code class="url">extension:race</code>}, '  with slices');
# what each release expects of the parameters, by the table that the tests have of it
my %word = (S => 'SHALL', s => 'SHOULD', m => 'MAY', x => 'MAY');
my ($releases, @tsv) = split /\n/, read_file(source_dir() . '/t/us-core.tsv');
my @releases = split / /, (split /\t/, $releases)[ 3 ];
for (grep { /^Condition\tparam\t/ } @tsv) {
    my (undef, undef, $name, $levels) = split /\t/;
    my ($shown) = $t->get('/portal/docs/R4/Condition')->body
        =~ m{<code>\Q$name\E</code></th><td>\w+</td><td>([^<]*)</td>} or next;
    my %of; # what the page says, release by release
    for (split /; /, $shown) {
        my ($word, $list) = /^(\w+) ?(.*)/;
        for (split /, /, $list || "$releases[0] – $releases[-1]") {
            my ($from, $to) = split / \xe2\x80\x93 | – /;
            $of{$_} = $word for grep { $_ ge $from && $_ le ($to // $from) } @releases;
        }
    }
    is(join(' ', map { $of{$_} // '-' } @releases), join(' ', map { $word{$_} // '-' } split //, $levels),
        "Condition $name: what each release expects");
}
is($t->get('/portal/docs/R4/Nothing')->status, 404, 'no type');
is($t->get('/portal/docs/R5')->status, 404, 'no release');
my $none = $t->get('/portal/nothing', Accept => 'text/html', 'Accept-Language' => 'es');
is($none->status, 404, 'a wrong address of the portal');
like($none->body, qr{role="alert">No existe esta página\.<.*href="[^"]*/portal/" id="start"}s,
    '  is a page for browsers, with a way back');
is($t->get('/portal/nothing', Accept => 'application/json')->json->{error}, 'invalid_request', '  JSON for programs');
like($patient, qr{<code>birthdate=ge2026-01-01</code> <span class="row-detail">Patient\.birthDate<}, 'where it looks');
unlike($t->get('/portal/docs/DSTU2/Observation')->body, qr/US Core/, 'DSTU2 has no column of US Core');
like($t->get('/portal/docs/DSTU2/Observation')->body, qr{id="try".*name="patient".*name="component-code"}s,
    '  and the form asks for the patient');
is($t->get('/portal/docs/R4/openapi.json', 'If-None-Match' => $t->get('/portal/docs/R4/openapi.json')->header('ETag'))
        ->status, 304, '304 to who has it');
is($t->get('/portal/docs/R4/openapi.json', 'Accept-Encoding' => 'gzip')->header('Content-Encoding'), 'gzip',
    '  compressed for who accepts that');

# A token that may write, of a backend service.
sub writer {
    my ($url) = @_;
    my $key = work_dir() . '/writer.pem';
    $w->ctl(qw(app add Writer --id writer --backend --key), $key, '--scope', 'system/*.cruds', '--licence') if !-e $key;
    return $w->form($url, 'token', [ grant_type => 'client_credentials', scope => 'system/*.cruds',
        client_assertion_type => 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        client_assertion => FHIR::Test::Browser::assertion('writer', "$url/auth/token", $key) ])->json->{access_token};
}

# The page of a type says what refused writes are answered: each of them happens.
sub refusals {
    my ($release, $page, $body, $token) = @_;
    my $path = "$base{$release}/Patient";
    my %headers = (Authorization => "Bearer $token",
        'Content-Type' => $release eq 'R4' ? 'application/fhir+json' : 'application/json+fhir');
    my ($id) = $t->post($path, $body, %headers)->header('Location') =~ m{/Patient/([^/]+)/_history/1$};
    my %again = (%$body, id => $id);
    is($t->put("$path/$id", \%again, %headers, 'If-Match' => 'W/"1"')->header('ETag'), 'W/"2"',
        "$release: an update gives the next version");
    my %wrong = ('a create with an id' => [ 400, 'POST', '', \%again ],
        'no token' => [ 401, 'POST', '', $body, Authorization => '' ],
        'an id that never existed' => [ 404, 'PUT', '/none', { %again, id => 'none' }, 'If-Match' => 'W/"1"' ],
        'the version before' => [ $release eq 'R4' ? 412 : 409, 'PUT', "/$id", \%again, 'If-Match' => 'W/"1"' ],
        'no version' => [ $release eq 'R4' ? 428 : 412, 'PUT', "/$id", \%again ],
        'a reference to nothing' => [ 422, 'POST', '',
            { %$body, managingOrganization => { reference => 'Organization/none' } } ]);
    for my $what (sort keys %wrong) {
        my ($status, $method, $rest, $content, %more) = @{ $wrong{$what} };
        my %sent = (%headers, %more);
        delete $sent{Authorization} if !$sent{Authorization};
        is($t->request($method, "$path$rest", content => $content, headers => \%sent)->status, $status, "  $what");
        like($page, qr{<th scope="row">[^<]*\b$status\b[^<]*</th><td>\w}, '    which the page tells') or diag $page;
    }
    return;
}

# Submits the form of a page as a browser does, with the fields as they are but for some: "status body".
sub try_it {
    my ($page, %set) = @_;
    my ($action, $fields) = $page =~ m{<form method="get" [^>]*id="try" action="([^"]+)">(.*?)</form>}s;
    my @pairs;
    for ($fields =~ /<input[^>]*>/g) {
        my ($name) = /name="([^"]+)"/ or next;
        my ($value) = /value="([^"]*)"/;
        push @pairs, $name, delete $set{$name} // $value // '';
    }
    die 'no field ' . join ' ', sort keys %set if %set;
    my $url = "$action?" . FHIR::Test::Browser::query(@pairs);
    my $answer = FHIR::Test::Browser->new($t->httpd)->get(FHIR::Test::Browser::unescape($url),
        Accept => 'text/html');
    return $answer->status . ' ' . $answer->body;
}

# For each type, the first of the sample's resources by the number in its id that is small, as the server answers it.
sub examples {
    my ($release, @types) = @_;
    my $base = "/dev/\L$release";
    my @found;
    for my $type (@types) {
        my @ids = $sample->{out} =~ /^\{"resourceType":"$type","id":"([^"]+)"/mg;
        @ids = grep { $sample->{out} =~ /"id":"\Q$_\E"/ } $t->get("$base/$type?_count=500&_format=json")->ids if !@ids;
        my %number = map { ($_ => /(\d+)$/ ? $1 : 0) } @ids;
        for my $id ((sort { $number{$a} <=> $number{$b} || $a cmp $b } @ids)[ 0 .. 4 ]) {
            my $answer = defined $id ? $t->get("$base/$type/$id?_format=json") : undef;
            next if !$answer || $answer->status != 200 || length $answer->body > 3000;
            my $one = $answer->json;
            $one->{meta}{lastUpdated} = '2026-11-20T12:00:00.000Z';
            push @found, $one;
            last;
        }
    }
    return @found;
}

# As one line of UTF-8 that begins with the type.
sub first_type {
    my ($resource) = @_;
    my %rest = %$resource;
    my $type = delete $rest{resourceType};
    return qq({"resourceType":"$type",) . substr JSON::PP->new->canonical->utf8->encode(\%rest), 1;
}

sub node_at {
    my ($node, $path) = @_;
    for my $name (grep { length } split m{/}, $path) { $node = ref $node eq 'HASH' ? $node->{$name} : undef }
    return $node;
}

$t->done;
