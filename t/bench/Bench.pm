# SPDX-License-Identifier: Apache-2.0
# What the works of the benchmark share: a database and an httpd with the bare handler in it, runs of
# wrk, figures, and the statements that mod_fhir sends for a request, which the bare handler sends too.
package Bench;

use strict;
use warnings;
use Exporter 'import';
use FHIR::Test::Httpd;
use FHIR::Test::Postgres;
use FHIR::Test::System qw(built read_file run run_ok spawn work_dir write_file);
use FindBin;
use POSIX ();
use Time::HiRes qw(time);

our @EXPORT = qw(%option $cluster $database $httpd median spread cpu postmaster wrk warm measure compare
    seconds env sql start_cluster grow populations tenant start_httpd paths capture know_statements);
our %option = (patients => 200, rounds => 5, seconds => 3, connections => 32, requests => 5000, seed => 1,
    kinds => '');
our ($cluster, $database, $httpd);
my @AS_OF = ('--as-of', '2026-11-01');

# ---- figures ----

sub median { my @s = sort { $a <=> $b } @_; return @s % 2 ? $s[@s / 2] : ($s[@s / 2 - 1] + $s[@s / 2]) / 2 }
sub spread { my @s = sort { $a <=> $b } @_; return sprintf '%.2f [%.2f-%.2f]', median(@s), @s[0, -1] }

# CPU seconds of a process and its descendants, those that have ended and been waited for included.
sub cpu {
    my ($pid) = @_;
    my $stat = eval { read_file("/proc/$pid/stat") } or return 0;
    my @fields = split ' ', $stat =~ s/^.*\) //sr;
    my $sum = ($fields[11] + $fields[12] + $fields[13] + $fields[14]) / POSIX::sysconf(POSIX::_SC_CLK_TCK());
    my $children = eval { read_file("/proc/$pid/task/$pid/children") } // '';
    $sum += cpu($_) for split ' ', $children;
    return $sum;
}
sub postmaster { return (read_file("$cluster->{data}/postmaster.pid") =~ /^(\d+)/)[0] }

# One run of wrk over a file of paths, or with body => FILE as POST to one path:
# connections => N: not as many as the option says; refused => 1: every answer is an error.
# { rate, p50, p99 (ms), mb, httpd, pg (us a request) }.
sub wrk {
    my ($paths, %how) = @_;
    my @before = (cpu($httpd->{pid}), cpu(postmaster()));
    my $env = $how{body} ? { BENCH_POST => $paths, BENCH_BODY => $how{body} } : { BENCH_PATHS => $paths };
    my $connections = $how{connections} || $option{connections};
    my $done = run({ env => $env }, 'wrk', '-t1', "-c$connections",
        "-d$option{seconds}s", '--timeout', '60s', '-s', "$FindBin::Bin/paths.lua", $httpd->url(''));
    my ($n, $us, $bytes, $errors, $refused, $p50, $p99) = $done->{out} =~ /^figures@{[ ' (\d+)' x 7 ]}/m
        or die "wrk: $done->{out}$done->{err}";
    die "wrk: no request of $paths was answered in $option{seconds} s\n" unless $n;
    $errors += $how{refused} ? $n - $refused : $refused;
    die "wrk: $errors of $n requests failed\n$done->{out}", (split /^/, $httpd->log_text)[-5 .. -1] if $errors;
    my @after = (cpu($httpd->{pid}), cpu(postmaster()));
    return { rate => $n * 1e6 / $us, p50 => $p50 / 1000, p99 => $p99 / 1000, mb => $bytes / $us,
        httpd => ($after[0] - $before[0]) * 1e6 / $n, pg => ($after[1] - $before[1]) * 1e6 / $n };
}

# A first pass over all the paths, so that none of them waits for a disk.
sub warm { $httpd->get($_) for @_; return }

# Both in turn: { bare => [wrk's figures], fhir => […], rate and cpu => [ratios of each round] }.
sub measure {
    my ($bare, $fhir, %how) = @_;
    my %runs;
    for (1 .. $option{rounds}) { push @{ $runs{bare} }, wrk($bare, %how); push @{ $runs{fhir} }, wrk($fhir, %how) }
    my $cost = sub { $_[0]{httpd} + $_[0]{pg} };
    $runs{rate} = [ map { $runs{fhir}[$_]{rate} / $runs{bare}[$_]{rate} } 0 .. $#{ $runs{bare} } ];
    $runs{cpu} = [ map { $cost->($runs{bare}[$_]) / ($cost->($runs{fhir}[$_]) || 1) } 0 .. $#{ $runs{bare} } ];
    return \%runs;
}

sub compare {
    my ($name, $bare, $fhir, $one, $other, %how) = @_;
    wrk($_, %how) for $bare, $fhir;    # warm
    my $runs = measure($bare, $fhir, %how);
    for ([ $name . ', ' . ($one // 'bare'), $runs->{bare} ], [ $name . ', ' . ($other // 'mod_fhir'), $runs->{fhir} ]) {
        my ($label, $all) = @$_;
        my %m = map { my $key = $_; $key => median(map { $_->{$key} } @$all) } keys %{ $all->[0] };
        printf "%-16s %7.0f requests/s  %6.1f MB/s  p50 %.1f p99 %.1f ms  CPU us a request: httpd %.0f, PostgreSQL "
            . "%.0f\n",
            $label, @m{qw(rate mb p50 p99 httpd pg)};
    }
    printf "%-16s rate %s, CPU %s\n", 'ratio', spread(@{ $runs->{rate} }), spread(@{ $runs->{cpu} });
    return;
}

# Commands that run side by side: seconds { by the clock, cpu of them and PostgreSQL }.
sub seconds {
    my (@commands) = @_;
    my ($start, $used) = (time, cpu($$) + cpu(postmaster()));
    my @pids = map {
        my ($options, @words) = @$_;
        FHIR::Test::System::spawn({ env => env(), out => '/dev/null', err => work_dir() . '/err', %$options }, @words);
    } @commands;
    for (@pids) { waitpid $_, 0; die read_file(work_dir() . '/err') if $? }
    return { clock => time - $start, cpu => cpu($$) + cpu(postmaster()) - $used };
}

# ---- PostgreSQL, data ----

sub env { return $cluster->env($database) }
sub sql { my ($sql, $tenant) = @_; return $cluster->psql($database, 'SET search_path = ' . ($tenant // 'main')
        . "; $sql") }

# With --data the cluster's folder stays, and what was loaded there is taken up again. A quarter of the
# memory is PostgreSQL's, as its manual advises for a server.
sub start_cluster {
    my ($kb) = read_file('/proc/meminfo') =~ /^MemTotal:\s+(\d+)/m;
    my $buffers = POSIX::floor($kb / 4096) . 'MB';
    $cluster = FHIR::Test::Postgres::start_cluster($option{data} ? (dir => $option{data}) : ());
    $cluster->psql(postgres => "ALTER SYSTEM SET $_") for "shared_buffers = '$buffers'", "max_wal_size = '4GB'",
        'autovacuum = off', 'fsync = on', 'synchronous_commit = on', 'full_page_writes = on';
    $cluster->stop;
    $cluster->start;
    $database = 'bench';
    $cluster->psql(postgres => 'ALTER DATABASE ' . $cluster->create_database . " RENAME TO $database")
        unless $cluster->psql(postgres => "SELECT 1 FROM pg_database WHERE datname = '$database'");
    return;
}

# Each size has a schema of its own, so that they are compared within a round. The largest is main.
sub populations { return sort { $a <=> $b } split /,/, $option{patients} }
sub tenant { my ($patients) = @_; return $patients == (populations())[-1] ? 'main' : "p$patients" }

# Loads that many patients, once; file: they are written there, too (all at once).
sub grow {
    my ($patients, $file) = @_;
    my $tenant = tenant($patients);
    run_ok({ env => env() }, built('fhirctl'), 'init', '--tenant', $tenant, '--role', 'fhir_server');
    my $there = sql("SELECT count(*) FROM $tenant.patient");
    return if $there >= $patients;
    my $start = time;
    if ($file) {
        write_file($file, run_ok({}, built('fhirctl'), 'sample', '--patients', $patients, @AS_OF));
        seconds([ {}, built('fhirctl'), 'load', $file ]);
    }
    else {
        my $shards = POSIX::ceil($patients / 1000);    # each of them is generated as it is loaded
        load_shard($tenant, "$_/$shards", $patients) for POSIX::floor($there * $shards / $patients) + 1 .. $shards;
    }
    my $seconds = time - $start;
    sql('VACUUM ANALYZE');
    printf "%d patients in %.0f s, VACUUM ANALYZE %.0f s, %.1f GB\n", $patients, $seconds, time - $start - $seconds,
        sql("SELECT sum(pg_total_relation_size(oid)) / 1e9 FROM pg_class WHERE relkind = 'r' AND relnamespace =
            '${tenant}'::regnamespace");
    return;
}

sub load_shard {
    my ($tenant, $shard, $of) = @_;
    my $pipe = work_dir() . '/pipe';
    unlink $pipe;
    POSIX::mkfifo($pipe, 0600) or die "mkfifo: $!\n";
    seconds([ { out => $pipe }, built('fhirctl'), 'sample', '--patients', $of, '--shard', $shard, @AS_OF ],
        [ { in => $pipe }, built('fhirctl'), 'load', '--tenant', $tenant, '-' ]);
    return;
}

# ---- httpd ----

sub start_httpd {
    my $module = built('t/bench/.libs/mod_bare.so');
    my $statements = work_dir() . '/statements';
    write_file($statements, '');
    my $tenants = join '', map { <<"CONF" } map { tenant($_) } populations();
<Location "/$_/r4">
    FHIREndpoint R4 open
    Require local
    FHIRTenant $_
    FHIRInteractions all
    FHIRExplain On
</Location>
CONF
    $httpd = FHIR::Test::Httpd->new(conninfo => $cluster->conninfo($database), threads => 128,
        modules => ['dbd'], conf => $tenants
        . <<"CONF");
LoadModule bare_module $module
<Location "/dev/dstu2">
    FHIREndpoint DSTU2 open
    FHIRTenant main
    Require local
</Location>
DBDriver pgsql
DBDParams "@{[ $cluster->conninfo($database) ]}"
DBDMin 0
DBDKeep 4
DBDMax 8
BareStatements $statements
<Location "/bare">
    SetHandler bare
</Location>
LogLevel warn
FHIRClientRequests 0
MaxKeepAliveRequests 0
KeepAliveTimeout 60
CONF
    $httpd->start;
    return;
}

sub paths { my ($name, @paths) = @_; return write_file(work_dir() . "/$name.paths", join '', map { "$_\n" } @paths) }

# ---- the statements that mod_fhir sends ----

my (%label, @statements);

# For each path the one under /bare that runs the same SQL with the same values. kind: read or page;
# a page that mod_fhir does not prepare is not prepared there. The bare handler knows the statements
# after know_statements.
sub capture {
    my ($kind, @paths) = @_;
    my $log = $cluster->{log};
    $cluster->psql(postgres => "ALTER SYSTEM SET log_statement = 'all'");
    $cluster->psql(postgres => 'SELECT pg_reload_conf()');
    select undef, undef, undef, 0.2;
    my @bare = map { bare_path($kind, $_, $log) } @paths;
    $cluster->psql(postgres => 'ALTER SYSTEM RESET log_statement');
    $cluster->psql(postgres => 'SELECT pg_reload_conf()');
    return @bare;
}

sub log_since {
    my ($log, $at) = @_;
    open my $in, '<:raw', $log or die "$log: $!\n";
    seek $in, $at, 0;
    local $/;
    return <$in> // '';
}

sub bare_path {
    my ($kind, $path, $log) = @_;
    my $at = -s $log;
    my $r = $httpd->get($path);
    die "$path: " . $r->status . ' ' . substr($r->body, 0, 300) . "\n" if $r->status != 200;
    my $select = qr/SELECT (?:[tq]\.id, [tq]\.resource|t\.version)[^\n]*/;
    my ($name, $sql, $values) = log_since($log, $at)
        =~ /execute (\S+): ($select)\n[^\n]*DETAIL:  parameters: (.*?)\n(?!\t)/s
        or die "$path: no statement in PostgreSQL's log\n";
    $values =~ s/\n\t/\n/g;
    $kind = 'once' if $name eq '<unnamed>';
    my $label = $label{"$kind $sql"} //= 'q' . keys %label;
    push @statements, "$label $kind $sql\n" if @statements < keys %label;
    my @values = map { s/''/'/gr } $values =~ /\$\d+ = '((?:[^']|'')*)'/g;
    s/([^A-Za-z0-9_.~-])/sprintf '%%%02X', ord $1/ge for @values;
    return "/bare/$label?" . join '&', @values;
}

sub know_statements {
    write_file(work_dir() . '/statements', join '', @statements);
    $httpd->restart;
    return;
}

1;
