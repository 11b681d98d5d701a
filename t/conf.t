# SPDX-License-Identifier: Apache-2.0
# The examples of conf/ are configurations that httpd accepts, with the modules that Debian loads and
# those that the example says to enable.
use strict;
use warnings;
use FHIR::Test::Debian qw(enable);
use FHIR::Test::Httpd;
use FHIR::Test::System qw(apxs_value read_file run source_dir work_dir);
use Test::More;

my $source = source_dir();
my $httpd = FHIR::Test::Httpd->new(as_written => 1);
my $pair = work_dir() . '/pair.pem';
is(run({}, qw(openssl req -x509 -nodes -newkey rsa:2048 -days 30 -subj /CN=fhir.example.org -keyout),
        $pair, '-out', "$pair.crt")->{status}, 0, 'a certificate for the examples');

sub check {
    my ($text) = @_;
    $httpd->{conf} = $text;
    return $httpd->check_config;
}

sub accepted {
    my ($text, $name) = @_;
    $text =~ s{^(\s*SSLCertificateFile).*}{$1 "$pair.crt"}mg;
    $text =~ s{^(\s*SSLCertificateKeyFile).*}{$1 "$pair"}mg;
    like($text, qr/^\s*#?\s*LogFormat (?!.*%[rq])/m, "$name logs no query strings")
        if $text =~ /ServerName|FHIREndpoint/ and $name !~ /node/;
    $text =~ s{^(\s*CustomLog) /var/log/apache2/}{"$1 " . work_dir() . '/'}mge;
    my $done = check(enable($text) . $text);
    is($done->{status}, 0, "$name is accepted") or diag($done->{err});
    return;
}

SKIP: {
    skip "this httpd's modules are not where Debian has them", 1
        if apxs_value('LIBEXECDIR') ne '/usr/lib/apache2/modules';
    my $driver = "DBDMax 4\n";
    isnt(check("FHIRNothing\n")->{status}, 0, 'an unknown directive is seen');
    isnt(check($driver)->{status}, 0, 'so is a module that nothing loads');
    isnt(check("LoadModule dbd_module modules/mod_dbd.so\n$driver")->{status}, 0,
        'and a path that Debian does not have');

    accepted(read_file("$source/conf/$_.conf"), "conf/$_.conf") for qw(mod_fhir existing-site);
    my ($balancer, $node)
        = split /^# ---- on each node ----\n/m, read_file("$source/conf/load-balanced.conf");
    accepted($balancer, 'the balancer of conf/load-balanced.conf');
    # The directives of a node are comments, and those of the sentences that end with a colon prose.
    my ($how, @directives) = split /^#\n/m, $node;
    my $rest = join '', map { s/^# ?//mgr } @directives;
    accepted($how . $rest =~ s/^(?:Listen .*|.*:|PostgreSQL .*)\n//mgr, 'a node of it');
}

like(read_file("$source/conf/mod_fhir.load"), qr/\ALoadModule fhir_module /,
    'mod_fhir.load is as a2enmod needs it');

done_testing;
