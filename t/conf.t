# SPDX-License-Identifier: Apache-2.0
# The examples of conf/ and of the README are configurations that httpd accepts.
use strict;
use warnings;
use FHIR::Test::Httpd;
use FHIR::Test::System qw(read_file run source_dir work_dir);
use Test::More;

my $source = source_dir();
my $httpd = FHIR::Test::Httpd->new(endpoints => '', modules => [qw(proxy proxy_http slotmem_shm
    lbmethod_byrequests proxy_balancer socache_shmcb ssl)]);
my $pair = work_dir() . '/pair.pem';
is(run({}, qw(openssl req -x509 -nodes -newkey rsa:2048 -days 2 -subj /CN=fhir.example.org -keyout),
        $pair, '-out', "$pair.crt")->{status}, 0, 'a certificate for the examples');

# Is the text accepted, but for what the test's configuration has already? And is there no reason for
# FHIR0231, which is told at start: more connections than mod_dbd's pool (8 and 10 are the defaults).
sub accepted {
    my ($text, $name) = @_;
    my ($connections, $pool) = map { $text =~ /^\s*$_\s+(\d+)/m ? $1 : undef } qw(FHIRConnections DBDMax);
    cmp_ok($connections // 8, '<=', $pool // 10, "$name: mod_dbd's pool holds FHIRConnections")
        if $text =~ /DBDParams/;
    $text =~ s/^\s*LoadModule.*\n//mg;
    $text =~ s{^(\s*SSLCertificateFile).*}{$1 "$pair.crt"}mg;
    $text =~ s{^(\s*SSLCertificateKeyFile).*}{$1 "$pair"}mg;
    $httpd->{conf} = $text;
    my $done = $httpd->check_config;
    is($done->{status}, 0, "$name is accepted") or diag($done->{err});
    return;
}

isnt(do { $httpd->{conf} = "FHIRNothing\n"; $httpd->check_config->{status} }, 0, 'what is wrong is seen');
for my $name (qw(mod_fhir existing-site)) {
    accepted(read_file("$source/conf/$name.conf"), "conf/$name.conf");
}
my ($balancer, $node) = split /^# ---- on each node ----\n/m, read_file("$source/conf/load-balanced.conf");
accepted($balancer, 'the balancer of conf/load-balanced.conf');
$node =~ s/^# ?//mg;
$node =~ s/^(?:Listen .*|The URL as.*|PostgreSQL with.*)\n//mg;
accepted($node, 'a node of conf/load-balanced.conf');

my ($readme) = read_file("$source/README.md") =~ /^((?:    .*\n)*    <Location.*\n(?:    .*\n)+)/m;
like($readme, qr/FHIREndpoint/, 'the README has an example');
accepted($readme =~ s/^    //mgr, 'it');

like(read_file("$source/conf/mod_fhir.load"), qr/\A# Depends: dbd\nLoadModule fhir_module /,
    'mod_fhir.load is as a2enmod wants it');

done_testing;
