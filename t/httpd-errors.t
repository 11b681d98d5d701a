# SPDX-License-Identifier: Apache-2.0
# What httpd refuses itself below an endpoint is told as an OperationOutcome, too; pages for people, other
# parts of the server and the administrator's ErrorDocument stay as they are.
use strict;
use warnings;
use FHIR::Test;
use IO::Socket::INET;
use JSON::PP ();
use Test::More;

my $t = FHIR::Test->new(conf => <<'CONF');
<Location "/old/dstu2">
    FHIREndpoint DSTU2 open
    FHIRTenant main
    Require local
</Location>
<Location "/shut/r4">
    FHIREndpoint R4 open
    FHIRTenant main
    Require all denied
</Location>
<Location "/small/r4">
    FHIREndpoint R4 open
    FHIRTenant main
    FHIRInteractions all
    LimitRequestBody 100
    Require local
</Location>
<Location "/own/r4">
    FHIREndpoint R4 open
    FHIRTenant main
    ErrorDocument 403 "ask the front desk"
    Require all denied
</Location>
CONF
$t->allow_log(qr/AH\d+: /);    # httpd's own words about what it refuses

# The answer to a request as it is written: (status, media type, body).
sub raw {
    my ($line, @headers) = @_;
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $t->httpd->{port}) or die $!;
    print {$socket} join "\r\n", $line, @headers, 'Connection: close', '', '';
    local $/;
    my $answer = scalar <$socket> // '';
    my ($head, $body) = split /\r\n\r\n/, $answer, 2;
    return ($head =~ m{^HTTP/1.1 (\d+)}, $head =~ /^Content-Type: ([^;\r]*)/mi, $body);
}

my $host = 'Host: 127.0.0.1:' . $t->httpd->{port};
my $long = 'x' x 9000;
my @cases = (
    [ 'a long URL', 414, 'too-long', qr/_search/, "GET /dev/r4/Patient?_id=$long HTTP/1.1", $host ],
    [ 'a bad escape', 400, 'invalid', qr/not valid HTTP/, 'GET /dev/r4/Patient/%zz HTTP/1.1', $host ],
    [ 'a slash in an id', 404, 'not-found', qr/%2F/, 'GET /dev/r4/Patient/a%2Fb HTTP/1.1', $host ],
    [ 'a long header', 400, 'invalid', qr/header field exceeds/, 'GET /dev/r4/Patient HTTP/1.1', $host, "X-A: $long" ],
    [ 'no Host', 400, 'invalid', qr/not valid HTTP/, 'GET /dev/r4/Patient HTTP/1.1' ],
    [ 'a bad header', 400, 'invalid', qr/not valid HTTP/, 'GET /dev/r4/Patient HTTP/1.1', $host, 'X A: 1' ],
    [ 'a bad length', 400, 'invalid', qr/not valid HTTP/, 'POST /dev/r4/Patient HTTP/1.1', $host, 'Content-Length: x' ],
    [ 'Expect', 417, 'not-supported', qr/Expect/, 'GET /dev/r4/Patient HTTP/1.1', $host, 'Expect: wonders' ],
    [ 'access denied', 403, 'forbidden', qr/denies/, 'GET /shut/r4/Patient HTTP/1.1', $host ],
    [ 'a large body', 413, 'too-long', qr/LimitRequestBody/, 'POST /small/r4/Patient HTTP/1.1', $host,
        'Content-Type: application/fhir+json', 'Content-Length: 500' ],
    [ 'a base that is too short', 404, 'not-found', qr{/dev/metadata; the nearest ones are /dev/r4$},
        'GET /dev/metadata HTTP/1.1', $host ],
);
for (@cases) {
    my ($name, $status, $code, $text, @request) = @$_;
    my ($is, $type, $body) = raw(@request);
    is("$is $type", "$status application/fhir+json", $name);
    my $issue = eval { JSON::PP->new->utf8->decode($body)->{issue}[0] } || {};
    is($issue->{code}, $code, "$name: $code");
    like($issue->{diagnostics}, $text, "$name: says why");
}

my ($status, $type, $body) = raw('GET /dev/r4/Patient/%zz HTTP/1.1', $host, 'Accept: application/fhir+xml');
is("$status $type", '400 application/fhir+xml', 'as XML');
like($body, qr{<OperationOutcome xmlns="http://hl7.org/fhir"><issue>}, 'an OperationOutcome');
($status, $type) = raw('GET /shut/r4/Patient?_format=xml HTTP/1.1', $host);
is("$status $type", '403 application/fhir+xml', 'by _format');
($status, $type) = raw("GET /old/dstu2/Patient?_id=$long HTTP/1.1", $host);
is("$status $type", '414 application/json+fhir', 'DSTU2 has media types of its own');
($status, $type, $body) = raw('HEAD /shut/r4/Patient HTTP/1.1', $host);
is("$status $type [" . ($body // '') . ']', '403 application/fhir+json []', 'HEAD has no body');

($status, $type) = raw('GET /dev/r4/Patient/%zz HTTP/1.1', $host, 'Accept: text/html');
is("$status $type", '400 text/html', 'a browser gets a page');
($status, $type) = raw('GET /elsewhere HTTP/1.1', $host);
is("$status $type", '404 text/html', 'elsewhere nothing changes');
($status, $type, $body) = raw('GET /own/r4/Patient HTTP/1.1', $host);
like($body, qr/front desk/, 'an ErrorDocument stays');

$t->done;
