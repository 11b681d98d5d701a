# SPDX-License-Identifier: Apache-2.0
# Reads on a hot standby that replication cancels (docs/operating.md, "Read from a standby"): they are run again,
# or answered 503 with Retry-After. 409 is for writes.
use strict;
use warnings;
use FHIR::Test;
use FHIR::Test::System qw(pg_bin run_ok);
use IO::Handle;
use IO::Select;
use JSON::PP qw(decode_json encode_json);
use Test::More;

my $t = FHIR::Test->new(own_cluster => 1, start => 0);
my $primary = $t->cluster;
$t->load({ resourceType => 'Patient', id => 'p', name => [ { family => 'Adams' } ] });

my $standby = bless { %$primary, dir => work_dir() . '/standby', port => $primary->{port} + 1 }, ref $primary;
@$standby{qw(data log)} = map { "$standby->{dir}/$_" } qw(data log);
mkdir $standby->{dir};
if (my (undef, $uid, $gid) = FHIR::Test::System::unprivileged()) { chown $uid, $gid, $standby->{dir} }
run_ok({ user => 1, env => $primary->env }, pg_bin('pg_basebackup'), '-R', '-X', 'stream', '-c', 'fast', '--no-sync',
    '-D', $standby->{data});
{
    open my $file, '>>', "$standby->{data}/postgresql.conf" or die "postgresql.conf: $!\n";
    print {$file} map { "$_\n" } "unix_socket_directories = '$standby->{dir}'", "port = $standby->{port}",
        'hot_standby_feedback = off', 'max_standby_streaming_delay = 0';
}
FHIR::Test::System::guard_pid_file("$standby->{data}/postmaster.pid");
# Whatever else removes old rows on the primary would cancel reads too.
$primary->psql('postgres', 'ALTER SYSTEM SET autovacuum = off; SELECT pg_reload_conf()');
$standby->start;

my $httpd = $t->second(conninfo => $standby->conninfo($t->database));
is $httpd->get('/dev/r4/Patient/p')->json->{name}[0]{family}, 'Adams', 'a read on a standby';

# ---- who cancels ----

# Each read of the table takes 0.8 seconds from now on, and a lock that the standby replays meanwhile ends it.
$t->psql('ALTER TABLE main.patient RENAME TO patient_rows; CREATE VIEW main.patient AS '
        . 'SELECT p.* FROM main.patient_rows p, LATERAL (SELECT p.id FROM pg_sleep(0.8)) s; '
        . 'GRANT SELECT ON main.patient TO fhir_server');
my $lock = do {
    my $env = $primary->env($t->database);
    local @ENV{ keys %$env } = values %$env;
    open my $pipe, '|-', pg_bin('psql'), '-Xq' or die "psql: $!\n";
    $pipe->autoflush;
    $pipe;
};

# A session's first statements read the catalogue, and who reads a page may prune it, which cancels reads on the
# standby as well: this happens before the first of them.
cancel_reads();
wait_for(sub { $t->psql("SELECT 1 FROM pg_stat_activity WHERE query = 'COMMIT;' AND state = 'idle'") }, 10);
wait_for(sub { behind() <= 0 }, 10);

sub cancel_reads {
    print {$lock} "BEGIN; LOCK TABLE main.patient_rows IN ACCESS EXCLUSIVE MODE; COMMIT;\n";
    return;
}

sub behind {
    my $lsn = $t->psql('SELECT pg_current_wal_insert_lsn()');
    return on_standby("SELECT '$lsn' - pg_last_wal_replay_lsn()");
}

sub on_standby { return $standby->psql($t->database, $_[0]) }
sub reading { return on_standby("SELECT query_start FROM pg_stat_activity WHERE wait_event = 'PgSleep'") }
sub answered { return IO::Select->new($_[0])->can_read(0) }

# Cancels what is read for the request at the socket, so often or until it is answered; returns how often.
sub cancel {
    my ($socket, $most) = @_;
    my ($n, $last) = (0, '');
    while ($n < $most) {
        my $now;
        wait_for(sub { answered($socket) || (($now = reading()) && $now ne $last) }, 10);
        return $n if answered($socket);
        cancel_reads();
        $last = $now;
        $n++;
    }
    return $n;
}

# The answer to a request whose reads are cancelled so often: status (that of the entry of a batch), headers, body.
sub ask {
    my ($most, @request) = @_;
    my $socket = $httpd->ask_from(1, @request);
    my $n = cancel($socket, $most);
    my ($status, $head, $body) = FHIR::Test::Httpd::answer_of($socket);
    my $entry = (eval { decode_json($body) } // {})->{entry};
    my $of_entry = $entry && $entry->[0]{response}{status};
    return ($of_entry && $of_entry =~ /^(\d+)/ ? $1 : $status, $head, $body, $n);
}

sub bundle {
    my ($type) = @_;
    return (POST => '/dev/r4', encode_json({ resourceType => 'Bundle', type => $type,
        entry => [ entry(GET => 'Patient/p') ] }));
}

my @read = (GET => '/dev/r4/Patient/p');
my @search = (GET => '/dev/r4/Patient?name=adams');
for ([ 'a read by id', @read ], [ 'a search', @search ]) {
    my ($name, @request) = @$_;
    my ($status, undef, $body, $n) = ask(1, @request);
    is "$status $n", '200 1', "$name that is cancelled once is run again" or diag($body);
}
for ([ 'a read by id', @read ], [ 'a search', @search ], [ 'a batch of reads', bundle('batch') ],
    [ 'a transaction of reads', bundle('transaction') ]) {
    my ($name, @request) = @$_;
    my ($status, $head, $body, $n) = ask(9, @request);
    is $status, 503, "$name that is cancelled again" or diag($body);
    cmp_ok $n, '<=', 3, "  $n times";    # in the lane of reads, and twice outside
    like $body, qr/"code":"transient"/, '  may be sent again';
    like $head, qr/^Retry-After: \d+\r?$/m, '  later' unless $name =~ /batch/;
}
close $lock;

is $httpd->post('/dev/r4/Organization', { resourceType => 'Organization', name => 'x' })->status, 503, 'a write';
$httpd->allow_log(qr/FHIR0202: answered 503/);
$standby->stop('immediate');
$t->done;
