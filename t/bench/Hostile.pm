# SPDX-License-Identifier: Apache-2.0
# What an ordinary client notices of eight hostile ones: the time of its reads and searches on a quiet
# server, beside the time while eight clients of one kind do their worst, each from an address of its own.
# The server has its defaults. Quiet windows of a second and loud ones take turns, and each kind begins and ends
# with a quiet one, because a machine's speed drifts; a ratio is that of the p99 of all times of each sort. The
# machine's cores are shared by all of them: hostile clients run when nobody else wants a core, so that a ratio is
# not of their own work. What the server has answered them is counted.
package Hostile;

use strict;
use warnings;
use Bench;
use FHIR::Test::Httpd;
use FHIR::Test::System qw(read_file run source_dir work_dir write_file);
use IO::Socket::INET;
use JSON::PP qw(encode_json);
use List::Util qw(max);
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
    my ($head, $part) = '';
    return 0 unless $socket;
    while (sysread $socket, $part, 1 << 18) { $head = $part if $head eq '' }
    return $head =~ m{\AHTTP/1\.1 (\d+)} ? $1 : 0;
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

# The ordinary client, for a second: { took => [ms], failed }.
sub ordinary {
    my ($end, @took, $failed) = (time + 1);
    while (time < $end) {
        my $path = @took % 2 ? $reads[ @took % @reads ] : $searches[ @took % @searches ];
        my $begin = time;
        my $status = status_of(send_from(200, request(GET => $path)));
        push @took, 1000 * (time - $begin);
        $failed++ if $status != 200;
    }
    return { took => \@took, failed => $failed // 0 };
}

sub part { my ($part, @took) = @_; return (sort { $a <=> $b } @took)[ $part * @took ] }

# Windows together: { n, failed, p50, p99 (ms), spread (of the windows' p99) }.
sub figures {
    my @all = map { @{ $_->{took} } } @_;
    my @p99 = sort { $a <=> $b } map { part(0.99, @{ $_->{took} }) } @_;
    my $failed = 0;
    $failed += $_->{failed} for @_;
    return { n => scalar @all, failed => $failed, p50 => part(0.5, @all), p99 => part(0.99, @all),
        spread => sprintf('[%.1f-%.1f]', @p99[0, -1]) };
}

# Resident memory of httpd's processes and PostgreSQL's own, in MB.
sub memory {
    my ($pid) = @_;
    my ($kb) = (eval { read_file("/proc/$pid/status") } // '') =~ /^RssAnon:\s+(\d+)/m;
    my $sum = ($kb // 0) / 1024;
    $sum += memory($_) for split ' ', eval { read_file("/proc/$pid/task/$pid/children") } // '';
    return $sum;
}

# A hostile client: a session of its own, because Linux shares the processors between sessions first.
sub attack {
    my ($hostile, $n, $told) = @_;
    my %states;
    local $SIG{TERM} = sub {
        write_file($told, join '', map { "$_ $states{$_}\n" } keys %states);
        POSIX::_exit(0);
    };
    POSIX::setsid();
    eval { write_file('/proc/self/autogroup', 19) };    # where the kernel groups sessions
    run({}, 'chrt', '-i', '-p', '0', $$);
    while (getppid() != 1) { $states{ $hostile->($n) // 'open' }++ }
    POSIX::_exit(0);
}

# A window beside eight of them. states: counts what they were answered.
sub beside {
    my ($hostile, $states) = @_;
    my $folder = work_dir() . '/hostile';
    run({}, 'rm', '-rf', $folder);
    mkdir $folder;
    my @pids = map {
        my $pid = fork // die "fork: $!\n";
        attack($hostile, $_, "$folder/$_") if !$pid;
        $pid;
    } 10 .. 17;
    sleep 1;
    my $window = ordinary();
    @$window{qw(httpd pg)} = (memory($server->{pid}), memory(postmaster()));
    kill TERM => @pids;
    waitpid $_, 0 for @pids;
    for my $n (10 .. 17) {
        my $told = eval { read_file("$folder/$n") } // next;
        $states->{$1} += $2 while $told =~ /^(\w+) (\d+)$/mg;
    }
    sleep 1;
    return $window;
}

sub start {
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
    ordinary();    # warm
    return $server;
}

sub bench {
    start();
    my $wanted = qr/$option{kinds}/;
    my $head = "%-14s %6s %15s %32s %6s %6s   %s\n";
    printf $head, 'hostile', 'asked', 'p50 ms', 'p99 ms [of windows]', 'ratio', 'failed',
        'MB: httpd, PostgreSQL; hostile answers';
    my (@quiet, @kinds);
    for (grep { $_->[0] =~ $wanted } kinds()) {
        my ($name, $hostile) = @$_;
        my ($states, @calm, @loud) = ({}, ordinary());
        for (1 .. $option{seconds}) {
            push @loud, beside($hostile, $states);
            push @calm, ordinary();
        }
        push @quiet, @calm;
        my ($q, $l) = (figures(@calm), figures(@loud));
        push @kinds, [ $name, $l->{p99} ];
        printf $head, $name, $l->{n}, sprintf('%.1f > %.1f', $q->{p50}, $l->{p50}),
            sprintf('%.1f %s > %.1f %s', $q->{p99}, $q->{spread}, $l->{p99}, $l->{spread}),
            sprintf('%.2f', $l->{p99} / $q->{p99}), $l->{failed},
            sprintf '%.0f, %.0f; %s', (map { my $of = $_; max(map { $_->{$of} } @loud) } qw(httpd pg)),
            join ' ', map { "$_: $states->{$_}" } sort keys %$states;
    }
    my $all = figures(@quiet);
    printf "all quiet windows: %d requests, p50 %.1f, p99 %.1f ms %s; beside this p99: %s\n",
        @$all{qw(n p50 p99 spread)}, join ', ', map { sprintf '%s %.2f', $_->[0], $_->[1] / $all->{p99} } @kinds;
    $server->stop;
    return;
}

1;
