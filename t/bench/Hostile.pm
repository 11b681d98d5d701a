# SPDX-License-Identifier: Apache-2.0
# What an ordinary client notices of eight hostile ones: the time of its reads and searches on a quiet
# server, beside the time while eight clients of one kind do their worst, each from an address of its own.
# The server has its defaults. The machine's cores are shared by all of them: hostile clients run when nobody
# else wants a core (SCHED_IDLE), so that a ratio is not of their own work. What the server has answered them is
# counted.
package Hostile;

use strict;
use warnings;
use Bench;
use FHIR::Test::Httpd;
use FHIR::Test::System qw(read_file run source_dir work_dir write_file);
use IO::Socket::INET;
use JSON::PP qw(encode_json);
use POSIX ();
use Time::HiRes qw(sleep time);

my ($server, @reads, @searches);

# Sends bytes from 127.0.0.N; returns the socket.
sub send_from {
    my ($n, $bytes) = @_;
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $server->{port},
        LocalAddr => "127.0.0.$n", Timeout => 60) or return;
    print {$socket} $bytes;
    $socket->flush;
    return $socket;
}

sub request {
    my ($method, $path, $body, $type) = @_;
    my $head = "$method /dev/r4$path HTTP/1.0\r\nHost: 127.0.0.1:$server->{port}\r\n";
    return "$head\r\n" unless defined $body;
    $type ||= 'application/fhir+json';
    return "${head}Content-Type: $type\r\nContent-Length: " . length($body) . "\r\n\r\n$body";
}

# The status of the answer, read to its end.
sub status_of {
    my ($socket) = @_;
    return 0 unless $socket;
    local $/;
    return (<$socket> // '') =~ m{\AHTTP/1\.1 (\d+)} ? $1 : 0;
}

# What a client of a kind does again and again; n: its address.
sub kinds {
    my $texts = '/Observation?code:text=' . join ',', map { "zz$_" } 0 .. 99;
    my $batch = encode_json({ resourceType => 'Bundle', type => 'batch',
        entry => [ map { { request => { method => 'GET', url => substr $texts, 1 } } } 1 .. 40 ] });
    my $pages = encode_json({ resourceType => 'Bundle', type => 'batch',
        entry => [ map { { request => { method => 'GET', url => 'Observation?_count=1000' } } } 1 .. 40 ] });
    my $large = '{"resourceType":"Patient","name":['
        . join(',', map { qq({"family":"n$_"}) } 1 .. 120_000) . ']}';
    my $patch = encode_json({ resourceType => 'Parameters', parameter => [ map { { name => 'operation', part => [
        { name => 'type', valueCode => 'delete' },
        { name => 'path', valueString => "Patient.descendants().combine(Patient.descendants())"
            . ".where(toString().matches('(.*)*x')).first()" } ] } } 1 .. 100 ] });
    my ($patient) = $reads[0] =~ m{(/Patient/[^/]+)};
    my $read = sub { my ($bytes) = @_; return sub { status_of(send_from($_[0], $bytes)) } };
    my $slow = sub {
        my ($bytes) = @_;
        return sub { my @open = map { send_from($_[0], $bytes) } 1 .. 40; sleep 1; return };
    };
    return (
        [ 'texts of codes', $read->(request(GET => $texts)) ],
        [ 'texts, closed', sub { send_from($_[0], request(GET => $texts)); sleep 0.02; return } ],
        [ '_content',  $read->(request(GET => '/Observation?_content=zzz')) ],
        [ 'batches',   $read->(request(POST => '', $batch)) ],
        [ 'answers',   $read->(request(POST => '', $pages)) ],
        [ '$validate', $read->(request(POST => '/Patient/$validate', $large)) ],
        [ 'patches',   $read->(request(PATCH => $patient, $patch)) ],
        [ 'headers',   $slow->("GET /dev/r4/Patient HTTP/1.1\r\nHost: x\r\nX-A: ") ],
        [ 'bodies',    $slow->(substr request(POST => '/Patient', 'x' x 100_000), 0, 300) ],
    );
}

# The ordinary client, for some seconds: { p50, p99 (ms), n, failed }.
sub ordinary {
    my ($seconds) = @_;
    my ($end, @took, $failed) = (time + $seconds);
    while (time < $end) {
        my $path = @took % 2 ? $reads[ @took % @reads ] : $searches[ @took % @searches ];
        my $begin = time;
        my $status = status_of(send_from(200, request(GET => $path)));
        push @took, 1000 * (time - $begin);
        $failed++ if $status != 200;
    }
    my @sorted = sort { $a <=> $b } @took;
    return { n => scalar @took, failed => $failed // 0, p50 => $sorted[ @took / 2 ], p99 => $sorted[ @took * 0.99 ] };
}

# Resident memory of httpd's processes and PostgreSQL's own, in MB.
sub memory {
    my ($pid) = @_;
    my ($kb) = (eval { read_file("/proc/$pid/status") } // '') =~ /^RssAnon:\s+(\d+)/m;
    my $sum = ($kb // 0) / 1024;
    $sum += memory($_) for split ' ', eval { read_file("/proc/$pid/task/$pid/children") } // '';
    return $sum;
}

sub beside {
    my ($hostile) = @_;
    my $folder = work_dir() . '/hostile';
    run({}, 'rm', '-rf', $folder);
    mkdir $folder;
    my @pids = map {
        my $n = $_;
        my $pid = fork // die "fork: $!\n";
        if (!$pid) {
            my $told = "$folder/$n";
            my %states;
            local $SIG{TERM} = sub {
                write_file($told, join '', map { "$_ $states{$_}\n" } keys %states);
                POSIX::_exit(0);
            };
            run({}, 'chrt', '-i', '-p', '0', $$);
            while (getppid() != 1) { $states{ $hostile->($n) // 'open' }++ }
            POSIX::_exit(0);
        }
        $pid;
    } 10 .. 17;
    sleep 1;
    my $figures = ordinary($option{seconds});
    @$figures{qw(httpd pg)} = (memory($server->{pid}), memory(postmaster()));
    kill TERM => @pids;
    waitpid $_, 0 for @pids;
    for my $n (10 .. 17) {
        my $told = eval { read_file("$folder/$n") } // next;
        $figures->{states}{$1} += $2 while $told =~ /^(\w+) (\d+)$/mg;
    }
    return $figures;
}

sub bench {
    my ($slowly) = read_file(source_dir() . '/conf/mod_fhir.conf') =~ /^(RequestReadTimeout .*\n)/m;
    $server = FHIR::Test::Httpd->new(conninfo => $cluster->conninfo($database), threads => 128,
        modules => ['reqtimeout'], conf => "FHIRClientRequests 32\nLogLevel error\n$slowly", endpoints => <<'CONF');
<Location "/dev/r4">
    FHIREndpoint R4 open
    FHIRInteractions all
    Require local
</Location>
CONF
    $server->start;
    my @patients = split /\n/, sql('SELECT id FROM main.patient ORDER BY md5(id) LIMIT 100');
    @reads = map { "/Patient/$_" } @patients;
    @searches = map { "/Observation?patient=$_&category=vital-signs&_count=20" } @patients;
    ordinary(1);    # warm
    printf "%-16s %5s %14s %14s %7s %7s   %s\n", 'hostile', 'asked', 'p50 ms', 'p99 ms', 'ratio', 'failed',
        'MB after: httpd, PostgreSQL; hostile answers';
    for (kinds()) {
        my ($name, $hostile) = @$_;
        my $quiet = ordinary($option{seconds});
        my $loud = beside($hostile);
        printf "%-16s %5d %6.1f %7.1f %6.1f %7.1f %7.2f %7d   %.0f, %.0f; %s\n", $name, $loud->{n}, $quiet->{p50},
            $loud->{p50}, $quiet->{p99}, $loud->{p99}, $loud->{p99} / $quiet->{p99},
            @$loud{qw(failed httpd pg)},
            join ' ', map { "$_: $loud->{states}{$_}" } sort keys %{ $loud->{states} || {} };
        sleep 2;
    }
    $server->stop;
    return;
}

1;
