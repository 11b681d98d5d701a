# SPDX-License-Identifier: Apache-2.0
# PostgreSQL restarts, crashes, becomes read-only, has no connection left, no room on its disk, and no
# synchronous standby, while clients write and read (FHIR::Test::Load); and httpd is reloaded.
use strict;
use warnings;
use FHIR::Test;
use FHIR::Test::Load;
use FHIR::Test::System qw(patience run unprivileged work_dir);
use Test::More;
use Time::HiRes qw(sleep time);

my $t = FHIR::Test->new(own_cluster => 1, start => 0, processes => 2, threads => 8, conf => <<'CONF');
FHIRConnections 4
FHIRConnectionWait 500ms
FHIRStatementTimeout 1s
CONF
# The test cluster does not sync; here it must be as PostgreSQL is by default.
$t->psql("ALTER SYSTEM SET $_ = on") for qw(fsync synchronous_commit full_page_writes);
$t->cluster->stop;
$t->cluster->start;
$t->allow_log(qr/FHIR0202: answered 503/, qr/FHIR0500: answered 504/, qr/FHIR0213: .* could not be read yet/);
$t->start;
wait_for(sub { $t->get('/dev/r4/Patient?_count=1')->status == 200 && $t->children == 2 }, 5);

# Breaks something, mends it, and looks at what clients got meanwhile and behind it.
sub fault {
    my ($name, $break, $mend, %options) = @_;
    my $load = FHIR::Test::Load->start($t, %options);
    sleep 0.4;
    $break->();
    $load->pause(0.8);
    $mend->();
    $load->ended;
    sleep 2.6;
    return $load->judge($name);
}

sub configure {
    my (%settings) = @_;
    for my $name (keys %settings) {
        my $value = $settings{$name};
        $t->psql(defined $value ? "ALTER SYSTEM SET $name = '$value'" : "ALTER SYSTEM RESET $name");
    }
    $t->psql('SELECT pg_reload_conf()');
    return;
}
sub crash {
    my ($pid) = FHIR::Test::System::read_file($t->cluster->{data} . '/postmaster.pid') =~ /^(\d+)/;
    my @all = ($pid, split ' ', FHIR::Test::System::read_file("/proc/$pid/task/$pid/children"));
    kill KILL => @all;
    wait_for(sub { eval { $t->cluster->start; 1 } }, 10) or die $@;
    return;
}

fault('restart', sub { $t->cluster->stop }, sub { $t->cluster->start });
fault('crash', \&crash, sub { });
my @answers = fault('read-only', sub { configure(default_transaction_read_only => 'on') },
    sub { configure(default_transaction_read_only => undef) });
cmp_ok scalar(grep { $_->[1] eq '503' && $_->[2] eq 'create' } @answers), '>', 0, 'writes were refused meanwhile';
cmp_ok scalar(grep { $_->[1] eq '200' } @answers), '>', 0, 'reads were not';

# The role may have no more connections than are there: who wants one more waits for one of the others.
@answers = fault('no connection left', sub { $t->psql('ALTER ROLE fhir_server CONNECTION LIMIT 4') },
    sub { $t->psql('ALTER ROLE fhir_server CONNECTION LIMIT -1') }, clients => 8);
cmp_ok scalar(grep { $_->[1] =~ /^20/ } @answers) / @answers, '>', 0.8, 'most requests are answered by what there is';

# A synchronous standby that is not there: what is stored is not told to be refused.
@answers = fault('no synchronous standby', sub { configure(synchronous_standby_names => 'nobody') },
    sub { configure(synchronous_standby_names => undef) });
is scalar(grep { $_->[1] eq '503' && $_->[2] eq 'create' } @answers), 0, 'no write is refused';
configure(synchronous_standby_names => 'nobody');
sleep 0.2;
my $patient = { resourceType => 'Patient', active => JSON::PP::true() };
my $answer = $t->post('/dev/r4/Patient', $patient, 'Idempotency-Key' => 'one');
is_outcome $answer, 504, 'transient', qr/does not know whether this write was stored/, 'a write is not confirmed: 504';
is $answer->json->{issue}[0]{details}{coding}[0]{code}, 'unconfirmed', 'with a code';
is $answer->header('Retry-After'), undef, 'and no Retry-After';
is $t->psql(q{SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'}), 0, 'nothing waits in PostgreSQL';
configure(synchronous_standby_names => undef);
sleep 0.2;
is $t->post('/dev/r4/Patient', $patient, 'Idempotency-Key' => 'one')->status, 201, 'its repetition is answered';
is $t->psql(q{SELECT count(*) FROM main.patient WHERE resource LIKE '%"active"%'}), 1, 'and stored once';

# ---- a full disk ----

SKIP: {
    my $disk = work_dir() . '/disk';
    mkdir $disk;
    my ($user, $uid, $gid) = unprivileged();
    skip 'a small file system can be made by root alone', 1
        unless $user && !run({}, 'mount', '-t', 'tmpfs', '-o', "size=48m,uid=$uid,gid=$gid", 'tmpfs', $disk)->{status};
    my $fill = eval {
        $t->psql("CREATE TABLESPACE small LOCATION '$disk'");
        $t->psql("ALTER TABLE main.$_ SET TABLESPACE small") for qw(patient observation);
        @answers = fault('full disk', sub { run({}, 'dd', 'if=/dev/zero', "of=$disk/fill", 'bs=64k') },
            sub { unlink "$disk/fill" });
        $t->psql("ALTER TABLE main.$_ SET TABLESPACE pg_default") for qw(patient observation);
        $t->psql('DROP TABLESPACE small');
        1;
    };
    my $why = $@;
    run({}, 'umount', '-l', $disk);
    ok $fill, 'a full disk' or diag $why;
}

# ---- reloads of httpd ----

my $load = FHIR::Test::Load->start($t, processes => 0);
for (1 .. 3) { sleep 0.4; $t->graceful }
$load->ended;
sleep 2.6;
$load->judge('graceful restarts');

# ---- no room for PostgreSQL's log of writes: it ends, and recovers once there is room ----

SKIP: {
    skip 'PostgreSQL is moved and recovers, half a minute; FHIR_TEST_SLOW=1', 1 unless $ENV{FHIR_TEST_SLOW};
    my ($disk, $log) = (work_dir() . '/log-disk', $t->cluster->{data} . '/pg_wal');
    my ($user, $uid, $gid) = unprivileged();
    mkdir $disk;
    skip 'a small file system can be made by root alone', 1
        unless $user
        && !run({}, 'mount', '-t', 'tmpfs', '-o', "size=128m,mode=700,uid=$uid,gid=$gid", 'tmpfs', $disk)->{status};
    my $done = eval {
        $t->psql("ALTER SYSTEM SET $_ = '32MB'") for qw(min_wal_size max_wal_size);
        $t->cluster->stop;
        run({}, 'sh', '-c', "cp -a $log/. $disk/ && mv $log $log.old && ln -s $disk $log && chown -h $uid:$gid $log")
            ->{status} and die 'not moved';
        $t->cluster->start;
        wait_for(sub { $t->get('/dev/r4/Patient?_count=1')->status == 200 }, 5);
        @answers = fault('no room for the log', sub {
                run({}, 'dd', 'if=/dev/zero', "of=$disk/fill", 'bs=64k');
                for (1 .. 4) { eval { $t->psql('SELECT pg_switch_wal()') }; sleep 0.3 }
            }, sub {
                unlink "$disk/fill";
                wait_for(sub { eval { $t->psql('SELECT 1') } || eval { $t->cluster->start; 1 } }, 60) or die $@;
            });
        cmp_ok scalar(grep { $_->[1] eq '503' } @answers), '>', 0, 'requests were refused meanwhile';
        1;
    };
    my $why = $@;
    $t->cluster->stop('immediate');
    run({}, 'umount', '-l', $disk);
    ok $done, 'a full disk of the log' or diag $why;
}
$t->done;
