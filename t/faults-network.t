# SPDX-License-Identifier: Apache-2.0
# The way to PostgreSQL is cut, slow, closed, or leads to a host that hangs: as the only host, and as an
# earlier one of a list. Clients write and read meanwhile (FHIR::Test::Load).
use strict;
use warnings;
use FHIR::Test;
use FHIR::Test::Load;
use FHIR::Test::Proxy;
use FHIR::Test::System qw(patience);
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
