# SPDX-License-Identifier: Apache-2.0
# A request ends as a whole: FHIRRequestTimeout for a search, a batch, a transaction; a client that goes
# away ends its searches, also those of a batch. Slow is what waits for a lock on a table.
use strict;
use warnings;
use FHIR::Test;
use FHIR::Test::System qw(patience);
use IO::Socket::INET;
use JSON::PP ();
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);

my $t = FHIR::Test->new(conf => <<'CONF');
FHIRConnections 4
FHIRRequestTimeout 1s
FHIRStatementTimeout 20s
<Location "/slow/r4">
    FHIREndpoint R4 open
    FHIRInteractions all
    FHIRRequestTimeout 20s
    Require local
</Location>
CONF
$t->load({ resourceType => 'Patient', id => '1' });
is $t->get("/$_/r4/Patient?_count=1")->status, 200, "the endpoint $_" for qw(dev slow);

# Holds a lock of the patients' table while the code runs.
sub locked {
    my ($code) = @_;
    pipe my $read, my $write or die;
    my $pid = fork // die "fork: $!\n";
    if (!$pid) {
        close $write;
        open my $psql, '|-', FHIR::Test::System::pg_bin('psql'), '-Xq', $t->cluster->conninfo($t->database, 'fhir');
        $psql->autoflush(1);
        print {$psql} "BEGIN; LOCK main.patient;\n";
        my $end = <$read>;
        close $psql;
        POSIX::_exit(0);
    }
    close $read;
    my $granted = q{SELECT count(*) FROM pg_locks WHERE relation = 'main.patient'::regclass AND granted
        AND mode = 'AccessExclusiveLock'};
    wait_for(sub { $t->psql($granted) }, 5) or die "no lock\n";
    my $done = eval { $code->(); 1 };
    my $why = $@;
    close $write;
    waitpid $pid, 0;
    die $why unless $done;
    return;
}

# Sessions that wait for the lock.
sub waiting {
    return $t->psql(q{SELECT count(*) FROM pg_locks WHERE relation = 'main.patient'::regclass AND NOT granted});
}

my $search = entry(GET => 'Patient?_count=1');
my $batch = { resourceType => 'Bundle', type => 'batch', entry => [ ($search) x 40 ] };
my $transaction = { resourceType => 'Bundle', type => 'transaction',
    entry => [ entry(POST => 'Observation',
            { resourceType => 'Observation', status => 'final', code => { text => 'x' } }), $search ] };
locked(sub {
        my $begun = time;
        is_outcome $t->get('/dev/r4/Patient?_count=1'), 503, 'timeout', qr/longer/,
            'a search ends with FHIRRequestTimeout';
        cmp_ok time - $begun, '<', patience(1), 'in time';
        $begun = time;
        my $done = $t->post('/dev/r4', $batch);
        cmp_ok time - $begun, '<', patience(1), 'so does a batch of forty, as a whole';
        my @refused = grep { $_->{response}{status} =~ /^503/ } @{ $done->json->{entry} };
        is join(' ', $done->status, scalar @refused), '200 40', 'whose entries are answered 503 each';
        $begun = time;
        is_outcome $t->post('/dev/r4', $transaction), 503, 'timeout', qr/longer/, 'and a transaction';
        cmp_ok time - $begun, '<', patience(1), 'in time';
        is $t->psql('SELECT count(*) FROM main.observation'), 0, 'of which nothing is stored';
        is waiting(), 0, 'nothing runs on in PostgreSQL';
        is $t->psql(q{SELECT count(*) FROM pg_stat_activity
            WHERE usename = 'fhir_server' AND state LIKE 'idle in%'}), 0, 'nor is a transaction left open';

        # clients that go away
        my $json = JSON::PP->new->canonical->encode($batch);
        my @sockets = map { IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $t->httpd->{port}) } 1 .. 4;
        my $head = "HTTP/1.1\r\nHost: 127.0.0.1\r\n";
        print {$_} "GET /slow/r4/Patient?_count=1 $head\r\n" for @sockets[ 0, 1 ];
        print {$_} "POST /slow/r4/ ${head}Content-Type: application/fhir+json\r\nContent-Length: " . length($json)
            . "\r\n\r\n$json" for @sockets[ 2, 3 ];
        ok wait_for(sub { waiting() == 4 }, 5), 'four clients wait, two of them for batches of forty searches';
        close $_ for @sockets;
        ok wait_for(sub { waiting() == 0 }, 1), 'they close: nothing runs on';
        sleep 0.2;
        is waiting(), 0, 'nor begins another';
        is $t->get('/dev/r4/Observation?_count=1')->status, 200, 'and all connections are free';
});
is $t->get('/dev/r4/Patient?_count=1')->status, 200, 'all is well again';
$t->done;
