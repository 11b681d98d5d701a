# SPDX-License-Identifier: Apache-2.0
# Behind PgBouncer, in session and in transaction mode: parallel connections of several processes write
# and read (FHIR::Test::Load); what takes too long ends; fhirctl does not work there, and says so.
use strict;
use warnings;
use FHIR::Test;
use FHIR::Test::Load;
use FHIR::Test::System qw(free_port guard_pid_file patience pid_in spawn stop_pid unprivileged work_dir write_file);
use IO::Socket::INET;
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);

my ($program) = grep { -x } map { "$_/pgbouncer" } '/usr/sbin', split /:/, $ENV{PATH};
plan skip_all => 'no pgbouncer (Debian package pgbouncer)' unless $program;
my $t = FHIR::Test->new(own_cluster => 1, start => 0, processes => 2, threads => 8);
my ($database, $cluster) = ($t->database, $t->cluster);

# Starts PgBouncer: its port. Fewer connections to PostgreSQL than the clients have, so that these share.
sub bouncer {
    my ($mode, $pool) = @_;
    my ($base, $port) = (work_dir() . "/pgbouncer-$mode", free_port());
    mkdir $base;
    if (my ($name, $uid, $gid) = unprivileged()) { chown $uid, $gid, $base }
    write_file("$base/ini", <<"INI");
[databases]
* = host=$cluster->{dir} port=$cluster->{port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = $port
unix_socket_dir =
auth_type = any
pool_mode = $mode
default_pool_size = $pool
max_client_conn = 200
ignore_startup_parameters = extra_float_digits
pidfile = $base/pid
logfile = $base/log
INI
    # auth_type any takes the database's user from the string of the database
    my $ini = FHIR::Test::System::read_file("$base/ini");
    write_file("$base/ini", $ini =~ s/^(\* = .*)/$1 user=fhir_server/mr);
    guard_pid_file("$base/pid");
    spawn({ user => 1, out => "$base/out", err => "$base/out" }, $program, "$base/ini");
    wait_for(sub { IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port) }, 5)
        or die FHIR::Test::System::read_file("$base/out");
    return $port;
}

sub conninfo { return "host=127.0.0.1 port=$_[0] user=fhir_server dbname=$database" }

for my $mode (['session', 40], ['transaction', 3]) {
    my ($name, $pool) = @$mode;
    my $port = bouncer($name, $pool);
    my $httpd = $t->second(start => 0, processes => 2, threads => 8, conninfo => conninfo($port), conf => <<'CONF');
FHIRConnections 8
FHIRStatementTimeout 1s
CONF
    $httpd->start;
    my $load = FHIR::Test::Load->start($t, servers => [$httpd], clients => 8);
    $load->pause(3.5);
    my @answers = $load->judge("$name mode");
    is scalar(grep { $_->[1] !~ /^20/ } @answers), 0, 'each of ' . @answers . ' answers is one of success';
    like $httpd->log_text, qr/FHIR0501: the database is reached through a pooler/,
        'the log says that a pooler is there';

    # A lock of the table: the search is ended by the module, for there is no statement_timeout.
    my $lock = fork // die "fork: $!\n";
    if (!$lock) {
        eval { $t->psql('BEGIN; LOCK main.patient; SELECT pg_sleep(4); COMMIT') };
        POSIX::_exit(0);
    }
    wait_for(sub { $t->psql(q{SELECT count(*) FROM pg_locks WHERE relation = 'main.patient'::regclass
        AND mode = 'AccessExclusiveLock'}) }, 5);
    my $begun = time;
    is_outcome $httpd->get('/dev/r4/Patient?_count=1'), 503, 'timeout', qr/longer/, 'what takes too long is ended';
    cmp_ok time - $begun, '<', patience(1), 'in time';
    is $t->psql(q{SELECT count(*) FROM pg_stat_activity WHERE usename = 'fhir_server' AND state = 'active'}), 0,
        'also in PostgreSQL';
    waitpid $lock, 0;
    is $httpd->get('/dev/r4/Patient?_count=1')->status, 200, 'and all is well again';

    my $ctl = $t->fhirctl('init', '--conninfo', conninfo($port));
    is $ctl->{status}, 3, 'fhirctl';
    like $ctl->{err}, qr/goes through a pooler \(PgBouncer\): give fhirctl the port of PostgreSQL itself/,
        'says why not';
    $httpd->stop;
}
$t->done;
