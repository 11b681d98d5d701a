# SPDX-License-Identifier: Apache-2.0
# PostgreSQL goes away and comes back, connections die, are too few, or are wanted by slow clients.
use strict;
use warnings;
use FHIR::Test;
use FHIR::Test::System qw(patience work_dir read_file);
use HTTP::Tiny;
use IO::Socket::INET;
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);

my $t = FHIR::Test->new(own_cluster => 1, start => 0, conf => <<'CONF');
FHIRConnections 2
FHIRConnectionWait 300ms
FHIRStatementTimeout 1500ms
FHIRRetryAfter 2s
CONF
$t->psql(<<'SQL');
INSERT INTO main.patient (id, version, last_updated, resource)
SELECT 'p' || i, 1, now(), format('{"resourceType":"Patient","id":"p%s","language":"%s"}',
    i, repeat('x', 2000)) FROM generate_series(1, 1000) i;
INSERT INTO main.observation (id, version, last_updated, resource)
    VALUES ('o1', 1, now(), '{"resourceType":"Observation","id":"o1"}');
SQL
my ($read, $search) = ('/dev/r4/Patient/p1', '/dev/r4/Patient?_count=5');

# Processes that ask again and again until told to end: what came, as lines "time status path".
my ($loads, $ended) = (0, '');
sub start_load {
    my (@paths) = @_;
    my $stop = work_dir() . '/stop' . ++$loads;
    my @children;
    for my $number (1 .. 4) {
        my $pid = fork // die "fork: $!\n";
        if ($pid) { push @children, $pid; next }
        open my $file, '>', "$stop.$number";
        my $client = HTTP::Tiny->new(timeout => 10, keep_alive => $number % 2);
        for (my $i = 0; !-e $stop; $i++) {
            my $path = $paths[$i % @paths];
            my $answer = $client->get($t->url($path));
            printf {$file} "%.3f %d %s\n", time, $answer->{status}, $path;
        }
        close $file;
        POSIX::_exit(0);
    }
    return { stop => $stop, children => \@children };
}

sub end_load {
    my ($load) = @_;
    open my $file, '>', $load->{stop};
    waitpid $_, 0 for @{ $load->{children} };
    my @lines = map { [ split ' ' ] } map { split /\n/, read_file("$load->{stop}.$_") } 1 .. 4;
    return sort { $a->[0] <=> $b->[0] } @lines;
}

sub statuses { my %seen; $seen{ $_->[1] }++ for @_; return join ' ', sort keys %seen }

# Our messages of a server that is away.
my @away = (qr/FHIR0202: answered 503/,
    qr/FHIR0213: schema "main" cannot be used: it could not be read yet/);

# ---- a start without the database ----

$t->cluster->stop;
$t->allow_log(@away);
$t->start;
is($t->get('/dev/r4/metadata')->status, 200, 'started without the database: the CapabilityStatement is there');
for my $path ($read, $search) {
    my $answer = $t->get($path);
    is_outcome($answer, 503, 'transient', qr/database/i, "$path: 503");
    is($answer->header('Retry-After'), 2, 'with FHIRRetryAfter');
    unlike($answer->body, qr/socket|pg|postgres|sql/i, 'and nothing about the database in it');
}
is_outcome($t->get('/fhir/r4/Patient/p1'), 401, 'login', qr/token/, 'who has no token is told that first');
$t->cluster->start;
my $since = time;
ok(wait_for(sub { $t->get($read)->status == 200 && $t->get($search)->status == 200 }, 5), 'the database comes');
cmp_ok(time - $since, '<', patience(1), 'requests work within a second');

# ---- restarts under load ----

for my $how ('fast', 'immediate') {
    my $load = start_load($read, $search, '/dev/r4/Observation/o1');
    sleep 0.5;
    $t->cluster->stop($how);
    my $stopped = time;
    sleep 0.5;
    my $starting = time;
    $t->cluster->start;
    my $started = time;
    sleep 2.5;
    my @answers = end_load($load);
    my @after = grep { $_->[0] > $started + patience(0.25) } @answers;
    is(statuses(@answers), '200 503', "$how stop: nothing but 200 and 503");
    is(statuses(grep { $_->[0] > $stopped + 0.1 && $_->[0] < $starting } @answers), '503', '503 while it is away');
    is(statuses(@after), '200', 'no failed request from a second after its return on');
    cmp_ok(scalar @after, '>', 50, scalar(@after) . ' of them');
}

# ---- terminated connections ----

sub terminate {
    return $t->psql('SELECT count(pg_terminate_backend(pid, 3000)) FROM pg_stat_activity '
            . "WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'");
}
cmp_ok(terminate(), '>', 1, 'idle connections are terminated');
my @next = map { $t->get($_)->status } ($read, $search) x 5;
is("@next", join(' ', (200) x 10), 'and none of the next requests fails');
terminate();
is($t->post('/dev/r4/Patient', { resourceType => 'Patient' })->status, 201, 'nor does a write');

my $load = start_load($read, $search);
for (1 .. 5) { sleep 0.3; terminate() }
sleep 0.3;
my @answers = end_load($load);
is(statuses(@answers), '200', 'connections terminated under reads: none fails');
cmp_ok(scalar @answers, '>', 50, scalar(@answers) . ' requests');

# ---- a slow client ----

my @slow = map { IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $t->httpd->{port}) } 1 .. 6;
print {$_} "GET /dev/r4/Patient?_count=1000 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" for @slow;
sleep 0.5;
my $begin = time;
is($t->get($search)->status, 200, 'six clients that do not read their large pages hold none of the two connections');
cmp_ok(time - $begin, '<', patience(0.25), 'and nobody waits');
my $whole = '';
{
    my $socket = shift @slow;
    $socket->timeout(10);
    while (sysread $socket, my $part, 65536) {
        $whole .= $part;
        last if $whole =~ /\]\}\s*$/ && length $whole > 2_000_000;
    }
}
cmp_ok(() = $whole =~ /"fullUrl"/g, '==', 1000, 'a slow client gets all of its page in the end');
close $_ for @slow;

# ---- too few connections ----

# Waits until so many sessions have, or wait for, a lock of the table.
sub locks {
    my ($wanted, $which) = @_;
    return wait_for(sub { $wanted
            == $t->psql("SELECT count(*) FROM pg_locks WHERE relation = 'main.patient'::regclass AND $which") }, 5);
}

my $lock = fork // die "fork: $!\n";
if (!$lock) {
    eval { $t->psql('BEGIN; LOCK main.patient; SELECT pg_sleep(1.2); COMMIT') };
    POSIX::_exit(0);
}
locks(1, q{granted AND mode = 'AccessExclusiveLock'});
my @waiting = map { IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $t->httpd->{port}) } 1 .. 2;
print {$_} "GET $search HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n" for @waiting;
locks(2, 'NOT granted');
$begin = time;
my $refused = $t->get($search);
is_outcome($refused, 503, 'transient', qr/./, 'both connections wait for a lock: the third request is refused');
cmp_ok(time - $begin, '<', patience(0.3), 'after FHIRConnectionWait');
is($t->get('/dev/r4/Observation/o1')->status, 200, 'a short read has its own lane');
is($t->get('/dev/r4/metadata')->status, 200, 'and the CapabilityStatement needs none');
for my $socket (@waiting) {
    local $/;
    like(scalar <$socket>, qr{^HTTP/1.1 200 }, 'who waits for the lock gets it');
}
waitpid $lock, 0;
$t->expect_log(qr/FHIR0202: answered 503/);

# ---- a statement that takes too long ----

$lock = fork // die "fork: $!\n";
if (!$lock) {
    eval { $t->psql('BEGIN; LOCK main.patient; SELECT pg_sleep(9); COMMIT') };
    POSIX::_exit(0);
}
locks(1, q{granted AND mode = 'AccessExclusiveLock'});
is_outcome($t->get($search), 503, 'timeout', qr/longer/, 'longer than FHIRStatementTimeout');
is_outcome($t->get($read), 503, 'timeout', qr/longer/, 'a read, too');
waitpid $lock, 0;
is($t->get($read)->status . $t->get($search)->status, '200200', 'and all is well again');

my @ours = $t->log_text =~ /FHIR0202: answered 503/g;
cmp_ok(scalar @ours, '<', 15, 'the log is not flooded: ' . scalar @ours . ' lines');
$t->done;
