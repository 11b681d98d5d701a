# SPDX-License-Identifier: Apache-2.0
# The way to PostgreSQL is cut, slow, closed, or leads to a host that hangs: as the only host, and as an
# earlier one of a list. Clients write and read meanwhile (FHIR::Test::Load).
use strict;
use warnings;
use FHIR::Test;
use FHIR::Test::Load;
use FHIR::Test::Proxy;
use FHIR::Test::System qw(patience);
use POSIX ();
use Socket qw(AF_INET IPPROTO_TCP SOL_SOCKET SO_KEEPALIVE sockaddr_family sockaddr_in);
use Test::More;
use Time::HiRes qw(sleep time);

my $t = FHIR::Test->new(own_cluster => 1, start => 0);
my $proxy = FHIR::Test::Proxy->start($t->cluster);
my $hung = FHIR::Test::Proxy->start($t->cluster, 'swallow');
my $database = $t->database;
$t->httpd->{conninfo} = "host=127.0.0.1 port=$proxy->{port} user=fhir_server dbname=$database connect_timeout=2";
$t->httpd->{conf} = <<'CONF';
FHIRConnections 4
FHIRConnectionWait 500ms
FHIRStatementTimeout 1s
CONF
$t->allow_log(qr/FHIR0202: answered 503/, qr/FHIR0500: answered 504/, qr/FHIR0211/,
    qr/FHIR0213: .* could not be read yet/);
$t->start;

# ---- half-open connections ----

# What the kernel is told about the connections to PostgreSQL, read from the sockets of the worker processes.
is $t->get('/dev/r4/Patient?_count=1')->status, 200, 'connections are there';
my @options = ([ 'keepalives' => SOL_SOCKET, SO_KEEPALIVE, 1 ], [ 'their idle seconds' => IPPROTO_TCP, 4, 10 ],
    [ 'their interval' => IPPROTO_TCP, 5, 5 ], [ 'their count' => IPPROTO_TCP, 6, 3 ],
    [ 'tcp_user_timeout' => IPPROTO_TCP, 18, 10_000 ]);
SKIP: {
    my @sockets = map { sockets_of($_, $proxy->{port}) } $t->children;
    skip 'the sockets of another process cannot be read here', scalar @options unless @sockets;
    for my $option (@options) {
        my ($name, $level, $number, $wanted) = @$option;
        my %values = map { unpack('i', getsockopt $_, $level, $number) => 1 } @sockets;
        is join(' ', keys %values), $wanted, "$name of " . @sockets . ' connections';
    }
}

# Copies of a process's sockets that are connected to that port (pidfd_open, pidfd_getfd of Linux 5.6).
sub sockets_of {
    my ($pid, $port) = @_;
    my $process = syscall 434, $pid + 0, 0;
    return if $^O ne 'linux' || $process < 0;
    my @found;
    for my $number (map { m{/(\d+)$} } glob "/proc/$pid/fd/*") {
        my $copy = syscall 438, $process, $number + 0, 0;
        next if $copy < 0;
        open my $socket, '+<&=', $copy or next;
        my $peer = -S $socket && getpeername $socket;
        push @found, $socket if $peer && sockaddr_family($peer) == AF_INET && (sockaddr_in($peer))[0] == $port;
    }
    POSIX::close($process);
    return @found;
}

sub fault {
    my ($name, $mode, $seconds) = @_;
    my $load = FHIR::Test::Load->start($t);
    sleep 0.5;
    $proxy->mode($mode);
    $load->pause($seconds);
    $proxy->mode('pass');
    $load->ended;
    sleep 3;
    return $load->judge($name);
}

fault('cut', 'cut', 0.3);
fault('slow', 'delay=5', 1);
my @answers = fault('refused', 'refuse', 1);
cmp_ok scalar(grep { $_->[1] eq '503' } @answers), '>', 0, 'requests were refused meanwhile';

# ---- a list of hosts, the first of which hangs ----

my $two = $t->second(start => 0, conninfo => "host=127.0.0.1,127.0.0.1 port=$hung->{port},$proxy->{port} "
        . "user=fhir_server dbname=$database connect_timeout=2", conf => "FHIRConnections 8\n");
$two->allow_log(qr/FHIR0202: answered 503/);
$two->start;
my $begun = time;
is $two->get('/dev/r4/Patient?_count=1')->status, 200, 'a host that hangs is passed over';
cmp_ok time - $begun, '<', patience(3), 'after connect_timeout';
my $load = FHIR::Test::Load->start($t, servers => [$two], clients => 8);
sleep 4;
@answers = $load->judge('behind a host that hangs');
is scalar(grep { $_->[1] !~ /^20/ } @answers), 0, 'nobody is refused';
my @times = sort { $a <=> $b } map { $_->[5] } @answers;
cmp_ok $times[ @times * 0.9 ], '<', patience(0.25),
    sprintf 'nor waits: nine in ten took less than %.3f s', $times[ @times * 0.9 ];

# ---- silence ----

# A server that does not answer: requests wait no longer than the statement timeout and its grace, and
# the log says that it is the database. Of refusals it says so once in ten seconds: this comes last.
my ($slowest) = sort { $b->[5] <=> $a->[5] } fault('silent', 'swallow', 5);
cmp_ok $slowest->[5], '<', patience(5), sprintf 'the longest request took %.1f s', $slowest->[5];
like $t->log_text, qr/\[fhir:warn\].*FHIR0(?:202|500): answered 50[34]: .*PostgreSQL does not answer/,
    'the log names it, as a warning';

$t->done;
