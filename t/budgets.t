# SPDX-License-Identifier: Apache-2.0
# What one request, one client and one process may take (docs/limits.md): bytes of answers and bodies,
# requests at once, long work, slow connections, space for temporary files; and the searches of which the
# planner did not see what they cost.
use strict;
use warnings;
use FHIR::Test;
use FHIR::Test::Costly;
use FHIR::Test::Httpd;
use FHIR::Test::System qw(patience read_file run unprivileged);
use IO::Select;
use IO::Socket::INET;
use JSON::PP qw(decode_json encode_json);
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);

my ($slowly) = read_file(source_dir() . '/conf/mod_fhir.conf') =~ /^(RequestReadTimeout .*\n)/m;
ok($slowly, 'conf/mod_fhir.conf cuts off who sends slowly');
my $t = FHIR::Test->new(modules => ['reqtimeout'], endpoints => <<'CONF', conf => <<"CONF2");
<Location "/dev/r4">
    FHIREndpoint R4 open
    FHIRInteractions all
    FHIRValidate structure
    FHIRAnswerMax 1M
    Require local
</Location>
<Location "/all/r4">
    FHIREndpoint R4 open
    FHIRInteractions all
    FHIRValidate structure
    Require local
</Location>
CONF
FHIRClientRequests 4
FHIRConnections 6
FHIRLongWorkConnections 1
FHIRLongWorkAfter 200ms
FHIRConnectionWait 500ms
FHIRBodiesMax 16M
FHIRSpoolMax 16M
FHIRRequestTimeout 20s
$slowly
CONF2

$t->allow_log(qr/AH00484|FHIR0202: .* (?:connections for long work|memory for large request bodies)/);

sub ask {
    my ($n, $method, $path, $content, $httpd) = @_;
    return ($httpd || $t->httpd)->ask_from($n, $method, $path, $content);
}
sub answer { return FHIR::Test::Httpd::answer_of(@_) }

# ---- bytes of answers ----

$t->psql(<<'SQL');
INSERT INTO main.patient (id, version, last_updated, resource)
SELECT 'p' || i, 1, '2026-01-02 03:04:05Z', format('{"resourceType":"Patient","id":"p%s","text":{"div":"%s"}}',
    i, repeat('x', 90000)) FROM generate_series(1, 30) i;
ANALYZE main.patient;
SQL
$t->load(map { { resourceType => 'Observation', id => "o$_", status => 'final', code => { text => 'x' },
    subject => { reference => "Patient/p$_" } } } 1 .. 30);

sub pages {
    my ($path, $format) = @_;
    my (%seen, $pages, $largest);
    my $next = $path;
    while ($next and ++$pages < 40) {
        my $page = $t->get($next);
        $largest = length $page->body if length $page->body > ($largest // 0);
        last if $page->status != 200;
        my $bundle = $page->json;
        $seen{ $_->{resource}{id} }++ for @{ $bundle->{entry} || [] };
        ($next) = map { $_->{url} } grep { $_->{relation} eq 'next' } @{ $bundle->{link} };
        $next =~ s{^http://[^/]+}{} if $next;
    }
    return (scalar keys %seen, scalar(grep { $_ > 1 } values %seen), $pages, $largest);
}
for (['/dev/r4/Patient?_count=100', 2], ['/dev/r4/Patient?_count=100&_sort=-_id', 2],
    ['/dev/r4?_type=Patient,Observation&_count=100', 2, 60],
    ['/dev/r4/Patient?_count=100&_pretty=true', 10], ['/dev/r4/Patient/_history?_count=100', 2],
    ['/all/r4/Patient?_count=100', 1, 30, 1]) {
    my ($path, $least, $all, $most) = @$_;
    my ($found, $twice, $pages, $largest) = pages($path);
    is($found, $all // 30, "$path: all are found");
    is($twice, 0, '  once');
    cmp_ok($pages, '>=', $least, "  on $pages pages");
    cmp_ok($largest, '<', $most ? 4e6 : 1048576, '  of which none is too large');
}
is_outcome($t->get('/dev/r4/Observation?_count=100&_include=Observation:subject'), 400, 'too-costly', qr/FHIRAnswerMax/,
    'what cannot be divided is refused');
is($t->get('/dev/r4/Observation?_count=5&_include=Observation:subject')->status, 200, '  as long as it is too large');
my $batch = $t->post('/dev/r4', { resourceType => 'Bundle', type => 'batch',
    entry => [ map { entry(GET => "Patient/p$_") } 1 .. 30 ] });
is($batch->status, 200, 'a batch');
cmp_ok(length $batch->body, '<', 1048576, '  is as large as an answer may be');
my @states = map { $_->{response}{status} } @{ $batch->json->{entry} };
is(scalar(grep { /^200/ } @states), 5, '  what fits is there') or diag("@states");
is(scalar(grep { /^400/ } @states), 25, '  the rest is told so');

# ---- requests of one client at once ----

# Holds a lock of a table while the code runs.
sub locked {
    my ($table, $code) = @_;
    open my $psql, '|-', FHIR::Test::System::pg_bin('psql'), '-Xq', $t->cluster->conninfo($t->database, 'fhir');
    $psql->autoflush(1);
    print {$psql} "BEGIN; LOCK main.$table;\n";
    wait_for(sub { $t->psql("SELECT count(*) FROM pg_locks WHERE relation = 'main.$table'::regclass AND granted
        AND mode = 'AccessExclusiveLock'") }, 5) or die "no lock\n";
    $code->();
    print {$psql} "COMMIT;\n";
    close $psql;
    return;
}

my $many = $t->second(endpoints => <<'CONF');
FHIRClientRequests 4
FHIRConnections 6
FHIRConnectionWait 300ms
FHIRLongWorkAfter 0
<Location "/all/r4">
    FHIREndpoint R4 open
    Require local
</Location>
CONF
locked(observation => sub {
    my @mine = map { ask(2, GET => '/all/r4/Observation', undef, $many) } 1 .. 10;
    sleep 1;
    my $begin = time;
    my ($status) = answer(ask(3, GET => '/all/r4/Patient?_count=1', undef, $many));
    is($status, 200, 'ten slow searches of one client: another one is served');
    cmp_ok(time - $begin, '<', patience(2), '  at once');
    ($status) = answer(ask(4, GET => '/all/r4/Patient/p1', undef, $many));
    is($status, 200, '  so is a third');
    my ($refused, $head, $body) = answer(ask(2, GET => '/all/r4/Patient/p1', undef, $many));
    is($refused, 429, '  the client itself has as many requests as it may have');
    like($head, qr/^Retry-After: \d+\r$/m, '    and is told when to come again');
    is((eval { decode_json($body) } // {})->{issue}[0]{code}, 'throttled', '    and why');
    is((answer(ask(2, GET => '/all/r4/metadata', undef, $many)))[0], 200, '    what is public is answered');
    close $_ for @mine;
});
is((answer(ask(2, GET => '/all/r4/Observation?_count=1', undef, $many)))[0], 200, 'later it may go on');

# ---- long work ----

locked(observation => sub {
    my @long = map { ask($_, GET => '/all/r4/Observation') } 5 .. 12;
    sleep 1.2; # each has left the connections of short work by then
    my ($good, $longest) = (0, 0);
    for (1 .. 20) {
        my $begin = time;
        $good += (answer(ask(20 + $_, GET => '/all/r4/Patient?_count=1')))[0] == 200;
        $longest = time - $begin if time - $begin > $longest;
    }
    is($good, 20, 'eight clients with searches that do not end: twenty short ones of others are answered');
    cmp_ok($longest, '<', patience(0.5), sprintf('  within %d ms', 1000 * $longest));
    my @states = map { (answer($_))[0] } @long[1 .. 7];
    cmp_ok(scalar(grep { $_ == 503 } @states), '>=', 6, '  long ones wait for each other') or diag("@states");
});

# ---- bodies ----

my $large = '{"resourceType":"Patient","name":[' . join(',', map { qq({"family":"n$_"}) } 1 .. 120000) . ']}';
cmp_ok(length $large, '>', 2e6, 'a body of ' . length $large);
my @bodies = map { ask(30, POST => '/all/r4/Patient/$validate', $large) } 1 .. 4;
my %states;
$states{ (answer($_))[0] }++ for @bodies;
# 503: one waited longer than FHIRConnectionWait for the others' bodies
ok(!grep({ !/^(?:200|429|503)$/ } keys %states) && $states{200},
    'several at once of one client are worked on or refused')
    or diag(encode_json(\%states));
is((answer(ask(30, POST => '/all/r4/Patient/$validate', $large)))[0], 200, 'one by one they are worked on');
is((answer(ask(31, POST => '/all/r4/Patient/$validate', '{"resourceType":"Patient"}')))[0], 200, 'small ones are');

# ---- memory of a process ----

# MB of httpd's processes that are neither shared nor a file's.
sub memory {
    my ($httpd) = @_;
    my ($most) = 0;
    for my $pid (FHIR::Test::Costly::pids($httpd->{pid})) {
        my $mb = FHIR::Test::Costly::memory($pid);
        $most = $mb if $mb > $most;
    }
    return $most;
}

SKIP: {
    skip 'the sanitizers keep what was freed', 1 if FHIR::Test::Httpd::sanitized();
    my $worker = $t->second(threads => 16, endpoints => <<'CONF');
FHIRClientRequests 4
FHIRBodiesMax 16M
FHIRBodyMax 3M
FHIRConnectionWait 500ms
<Location "/all/r4">
    FHIREndpoint R4 open
    FHIRInteractions all
    Require local
</Location>
CONF
    $worker->allow_log(qr/AH00484|FHIR0202: answered 503: The server.s memory for large request bodies/);
    my $most = 0;
    for my $round (1 .. 2) {
        my @open = map { my $n = $_; (ask($n, POST => '/all/r4/Patient/$validate', $large, $worker),
            ask($n, GET => '/all/r4/Patient?_count=1000', undef, $worker)) } 60 .. 67;
        for (@open) {
            answer($_);
            my $now = memory($worker);
            $most = $now if $now > $most;
        }
    }
    # the formula of docs/limits.md
    cmp_ok($most, '<', 40 + 24 * 3 + 16, sprintf('eight clients with large bodies and answers: %.0f MB', $most));
}

# ---- space for temporary files ----

SKIP: {
    my $disk = work_dir() . '/small';
    mkdir $disk;
    my ($user, $uid, $gid) = unprivileged();
    skip 'a small file system can be made by root alone', 4
        unless $user && !run({}, 'mount', '-t', 'tmpfs', '-o', "size=400k,uid=$uid,gid=$gid", 'tmpfs', $disk)->{status};
    local $ENV{TMPDIR} = $disk;
    my $small = $t->second(endpoints => <<'CONF');
<Location "/dev/r4">
    FHIREndpoint R4 open
    Require local
</Location>
CONF
    $small->expect_log(qr/FHIR0202: .*TMPDIR.*No space left/);
    my $full = $small->get('/dev/r4/Patient?_count=100');
    is_outcome($full, 503, 'transient', qr/space/, 'a disk that is full is told');
    like($full->header('Retry-After'), qr/^\d+$/, '  and when to come again');
    is($small->get('/dev/r4/Patient?_count=2')->status, 200, '  less is answered');
    run({}, 'umount', '-l', $disk);
}

# ---- slow connections ----

# Opens connections from an address, each with a request that does not end.
sub slow {
    my ($httpd, $n, $count) = @_;
    return map {
        my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $httpd->{port},
            LocalAddr => "127.0.0.$n") or die "127.0.0.$n: $!\n";
        print {$socket} $_ % 2 ? "GET /all/r4/Patient HTTP/1.1\r\nHost: x\r\nX-A: "
            : "POST /all/r4/Patient HTTP/1.1\r\nHost: 127.0.0.1:$httpd->{port}\r\n"
            . "Content-Type: application/fhir+json\r\nContent-Length: 100000\r\n\r\n{";
        $socket->flush;
        $socket;
    } 1 .. $count;
}

# How many of the sockets the server has not answered or closed.
sub held {
    return scalar grep { !IO::Select->new($_)->can_read(0) } @_;
}

my $guarded = $t->second(threads => 128, modules => [qw(reqtimeout remoteip)], endpoints => <<"CONF");
FHIRClientRequests 8
RemoteIPHeader X-Forwarded-For
RemoteIPTrustedProxy 127.0.0.50
$slowly
<Location "/all/r4">
    FHIREndpoint R4 open
    FHIRInteractions all
    Require all granted
</Location>
CONF
$guarded->allow_log(qr/AH00484|FHIR0720: a connection of 127\.0\.0\.4\d was closed/);
my @slow = map { slow($guarded, $_, 40) } 40 .. 47;
my $begin = time;
is((answer(ask(48, GET => '/all/r4/Patient/p1', undef, $guarded)))[0], 200,
    'three hundred and twenty requests of eight addresses that do not end: another client is answered');
cmp_ok(time - $begin, '<', patience(2), sprintf('  after %.2f s', time - $begin));
wait_for(sub { held(@slow) <= 104 }, 5);
cmp_ok(held(@slow), '<=', 104, '  most of them were closed') or diag(held(@slow));
close $_ for @slow;
my $proxied = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $guarded->{port},
    LocalAddr => '127.0.0.50');
print {$proxied} "GET /all/r4/Patient/p1 HTTP/1.0\r\nHost: 127.0.0.1:$guarded->{port}\r\n"
    . "X-Forwarded-For: 192.0.2.1\r\n\r\n";
$proxied->flush;
is((answer($proxied))[0], 200, 'a request by a proxy that is trusted');
@slow = slow($guarded, 50, 110);
sleep 0.5;
is(held(@slow), 110, '  its connections are not counted');
is((answer(ask(48, GET => '/all/r4/Patient/p1', undef, $guarded)))[0], 200, '  others are answered');
close $_ for @slow;

# Sixty at once of one address, as behind a NAT: all are whole.
my $burst = $t->second(threads => 25, modules => ['reqtimeout'], endpoints => <<"CONF");
FHIRClientRequests 64
$slowly
<Location "/all/r4">
    FHIREndpoint R4 open
    Require local
</Location>
CONF
$burst->allow_log(qr/AH00484/);
my %answered;
$answered{ (answer($_))[0] }++ for map { ask(51, GET => '/all/r4/Patient/p1', undef, $burst) } 1 .. 60;
is(join(' ', grep { !/^(?:200|429)$/ } keys %answered), '', 'sixty requests of one address at once: none is closed')
    or diag(encode_json(\%answered));

# ---- what the planner did not see ----

# A search with many or long values costs little more than one with one value: what is asked for is
# folded once, not for each row. Refused is well, too.
$t->psql(<<'SQL');
INSERT INTO main.observation (id, version, last_updated, resource, subject, patient)
SELECT 'x' || i, 1, '2026-01-02 03:04:05Z', format('{"resourceType":"Observation","id":"x%s","status":"final","code":'
    '{"text":"Blood pressure of %s","coding":[{"system":"urn:x","code":"c%s","display":"Systolic pressure %s"}]},'
    '"subject":{"reference":"Patient/p1"}}', i, i, i % 50, i), ARRAY['Patient/p1'], 'p1'
FROM generate_series(1, 4000) i;
ANALYZE main.observation;
SQL

# The least time of three.
sub seconds {
    my ($form) = @_;
    my $least;
    for (1 .. 3) {
        my $begin = time;
        my $answer = $t->post('/all/r4/Observation/_search', $form,
            'Content-Type' => 'application/x-www-form-urlencoded');
        my $took = time - $begin;
        like($answer->status, qr/^(?:200|400)$/, 'an answer') or diag($answer->body);
        $least = $took if !defined $least or $took < $least;
    }
    return $least;
}
my $one = seconds('code:text=zz');
for (
    [ 'a hundred texts of a code', 'code:text=' . join(',', map { "zz$_" } 0 .. 99) ],
    [ 'a text of 60 KB', 'code:text=' . 'z' x 60000 ],
) {
    my ($name, $form) = @$_;
    my $took = seconds($form);
    cmp_ok($took, '<', 8 * $one, sprintf('%s: %.0f ms, one short text %.0f ms', $name, 1000 * $took, 1000 * $one));
    cmp_ok($took, '<', patience(2), '  less than two seconds');
}
for ('', 'patient=p1&') {
    is_outcome($t->post('/all/r4/Observation/_search', $_ . 'code:text=' . join(',', map { "zz$_" } 0 .. 499),
        'Content-Type' => 'application/x-www-form-urlencoded'), 400, 'too-costly', qr/read too much/,
        "five hundred texts are refused ($_)");
}

# ---- many that are not waited for ----

my $texts = '/all/r4/Observation?code:text=' . join ',', map { "zz$_" } 0 .. 99;
close ask(70 + $_ % 8, GET => $texts) for 1 .. 40;
$begin = time;
is((answer(ask(79, GET => '/all/r4/Observation?patient=p1&_count=1')))[0], 200,
    'forty dear searches whose clients have gone: another one is answered');
cmp_ok(time - $begin, '<', patience(2), sprintf('  after %.2f s', time - $begin));
ok(wait_for(sub { !$t->psql("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
    AND state = 'active' AND query LIKE '%fhir_text_begins%' AND pid <> pg_backend_pid()") }, 10),
    '  and the database works for none of them');

# ---- many that differ ----

# Subsets of ten parameters: each is another statement. One connection has them all.
my $single = $t->second(endpoints => <<'CONF');
FHIRConnections 1
FHIRReadLane Off
<Location "/all/r4">
    FHIREndpoint R4 open
    Require local
</Location>
CONF
my @ten = qw(family=a given=b gender=male birthdate=2000 address=x email=e phone=1 identifier=i active=true
    language=en);
sub ask_subsets {
    my ($from, $to) = @_;
    my $bad = 0;
    for my $n ($from .. $to) {
        my $query = join '&', map { $n >> $_ & 1 ? $ten[$_] : () } 0 .. 9;
        $bad++ if $single->get("/all/r4/Patient?$query")->status != 200;
    }
    return $bad;
}
# MB of the session of that connection.
sub session {
    my ($pid) = split /\n/, $t->psql("SELECT pid FROM pg_stat_activity WHERE datname = current_database()
        AND query LIKE '%language%' AND pid <> pg_backend_pid() ORDER BY query_start DESC LIMIT 1");
    return FHIR::Test::Costly::memory($pid);
}
is(ask_subsets(513, 820), 0, 'three hundred different searches on one connection');
my $session = session();
is(ask_subsets(821, 1023), 0, 'two hundred more');
cmp_ok(session(), '<', $session + 4, sprintf('  the session has %.0f MB, and no more for each', $session));

$t->psql(<<'SQL');
INSERT INTO main.patient (id, version, last_updated, resource)
SELECT 'names', 1, '2026-01-02 03:04:05Z',
    '{"resourceType":"Patient","id":"names","communication":[{"language":{"text":"English"}}],"name":[' ||
    string_agg('{"family":"n' || i || '"}', ',') || ']}' FROM generate_series(1, 480000) i;
INSERT INTO main.patient (id, version, last_updated, resource)
SELECT 'tongues', 1, '2026-01-02 03:04:05Z', '{"resourceType":"Patient","id":"tongues","communication":[' ||
    string_agg('{"language":{"coding":[{"code":"' || i || '"}],"text":"t' || i || '"}}', ',') ||
    ',{"language":{"coding":[{"code":"x"},{"display":"Welsh"}]}}]}' FROM generate_series(1, 40000) i;
INSERT INTO main.patient (id, version, last_updated, resource)
SELECT 'one', 1, '2026-01-02 03:04:05Z',
    '{"resourceType":"Patient","id":"one","maritalStatus":{"text":"Single"},"communication":[{"language":{"coding":[' ||
    string_agg('{"display":"d' || i || '"}', ',') || ',{"display":"Breton"}]}}]}' FROM generate_series(1, 60000) i;
INSERT INTO main.binary (id, version, last_updated, resource)
SELECT 'big', 1, '2026-01-02 03:04:05Z', '{"resourceType":"Binary","id":"big","contentType":"text/plain","data":"' ||
    repeat('AAAA', 5000000) || '"}';
SQL
is(join(' ', map { $t->get("/all/r4/Patient?language:text=$_&_elements=id")->ids } qw(eng zzz)), 'names',
    'what is looked for in a record of megabytes is found');
is(join(' ', map { $t->get("/all/r4/Patient?language:text=$_&_elements=id")->ids } qw(welsh breton t40000)),
    'tongues one tongues', '  and in an element of megabytes');
for my $query ('Patient?_content=zzz', 'Binary?_content=AAAA', 'Patient?_text=zzz', 'Patient?language:text=zzz') {
    my $begin = time;
    is($t->get("/all/r4/$query&_summary=count")->status, 200, "$query over a record of megabytes");
    cmp_ok(time - $begin, '<', patience(5), sprintf('  within %.2f s', time - $begin));
}
SKIP: {
    skip 'the sanitizers keep what was freed', 1 if FHIR::Test::Httpd::sanitized();
    my ($postmaster) = read_file($t->psql('SHOW data_directory') . '/postmaster.pid') =~ /^(\d+)/;
    my $watch = FHIR::Test::Costly->watch(httpd => $t->httpd, base => '/all/r4', database => $t->database,
        postmaster => $postmaster);
    for my $query ('Patient?_content=zzz', 'Patient?_text=zzz', 'Patient?language:text=zzz') {
        my $cost = $watch->ask([ GET => "$query&_summary=count" ]);
        cmp_ok($cost->{memory}, '<', 100, sprintf('%s takes %.0f MB', $query, $cost->{memory}));
    }
}

$t->done;
