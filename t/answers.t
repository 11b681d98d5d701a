# SPDX-License-Identifier: Apache-2.0
# What every answer tells browsers and caches, of whatever part of the server; the CapabilityStatement, which is
# rendered once; bodies that nobody reads; contents that a form of a foreign page can send.
use strict;
use warnings;
use FHIR::Test;
use IO::Socket::INET;
use IO::Uncompress::Gunzip qw(gunzip);
use Test::More;
use Time::HiRes qw(time);

my $t = FHIR::Test->new(endpoints => <<'CONF');
<Location "/dev/r4">
    FHIREndpoint R4 open
    FHIRInteractions all
    Require local
</Location>
<Location "/ro/r4">
    FHIREndpoint R4 open
    FHIRInteractions read search
    FHIRCacheControl no-store
    Require local
</Location>
<Location "/fhir/r4">
    FHIREndpoint R4 provider
    FHIRInteractions all
    Require all granted
</Location>
<Location "/dev/dstu2">
    FHIREndpoint DSTU2 open
    Require local
</Location>
<Location "/shut/r4">
    FHIREndpoint R4 open
    Require all denied
</Location>
<Location "/small/r4">
    FHIREndpoint R4 open
    FHIRInteractions all
    LimitRequestBody 100
    Require local
</Location>
<Location "/portal">
    FHIRPortal On
</Location>
CONF
$t->allow_log(qr/AH\d+: /);    # httpd's own words about what it refuses
$t->load({ resourceType => 'Patient', id => 'p1' },
    { resourceType => 'Binary', id => 'b1', contentType => 'text/html', data => 'eA==' });

# The answer to bytes as they are, until the server closes or is silent; and whether it closed.
sub raw {
    my ($bytes, $seconds) = @_;
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $t->httpd->{port}) or die;
    print {$socket} $bytes;
    $socket->flush;
    my ($text, $closed, $until) = ('', 0, time + $seconds);
    while (!$closed and time < $until) {
        vec(my $in = '', fileno $socket, 1) = 1;
        next if !select $in, undef, undef, 0.1;
        my $n = sysread $socket, $text, 65536, length $text;
        $closed = 1 if !$n;
    }
    return ($text, $closed);
}

sub metadata_as {
    my ($host, $query) = @_;
    my ($text) = raw("GET /ro/r4/metadata$query HTTP/1.0\r\nHost: $host\r\n\r\n", 10);
    return $text;
}

# ---- every answer ----

my @asked = (
    [ GET => '/dev/r4/Patient/p1' ], [ GET => '/dev/r4/Patient/p1?_format=xml' ], [ GET => '/dev/r4/Patient' ],
    [ GET => '/dev/r4/Patient/p1/_history' ], [ GET => '/dev/r4/Binary/b1' ], [ GET => '/dev/r4/Patient/none' ],
    [ GET => '/dev/r4/Patient/p1?_format=html' ], [ GET => '/dev/r4/Patient?nothing=1' ], [ GET => '/fhir/r4/Patient' ],
    [ POST => '/dev/r4/Patient/$validate' ], [ DELETE => '/dev/r4/Patient/none' ], [ GET => '/dev/r4/x/y/z' ],
    [ GET => '/dev/dstu2/Patient/p1' ],
);
for (@asked) {
    my ($method, $path) = @$_;
    my $answer = $t->request($method, $path);
    my $name = "$method $path: " . $answer->status;
    is($answer->header('Cache-Control'), 'private, no-cache', "$name is asked for again before it is shown again");
    like($answer->header('Vary'), qr/\bAccept\b.*\bAuthorization\b/s, '  depends on who asks');
    is($answer->header('X-Content-Type-Options'), 'nosniff', '  and is what it says');
}
is($t->get('/ro/r4/Patient/p1')->header('Cache-Control'), 'no-store', 'FHIRCacheControl no-store');
my $again = $t->get('/dev/r4/Patient/p1', 'If-None-Match' => 'W/"1"');
is($again->status, 304, 'an answer that is still current is not sent again');
is($again->header('Cache-Control'), 'private, no-cache', '  and stays private');
is($t->get('/fhir/r4/.well-known/smart-configuration')->header('X-Content-Type-Options'), 'nosniff',
    'documents of the authorization server, too');
is($t->get('/fhir/r4/auth/token')->header('X-Content-Type-Options'), 'nosniff', 'and its errors');

# ---- every other answer: of the authorization server, the portals, and httpd itself ----

# An answer to a request with these headers: { status, body, and by its name each header's values in order }.
sub kind {
    my ($line, @headers) = @_;
    my $host = (grep { /^Host:/ } @headers) ? () : "Host: 127.0.0.1:$t->{httpd}{port}";
    my ($text) = raw(join("\r\n", "$line HTTP/1.1", $host // (), @headers, 'Connection: close', '', ''), 10);
    my ($head, $body) = split /\r\n\r\n/, $text, 2;
    my ($first, @lines) = split /\r\n/, $head;
    my %answer = (status => (split ' ', $first)[1], body => $body // '');
    for (@lines) { push @{ $answer{ lc $1 } }, $2 if /^([\w-]+): (.*)/ }
    return \%answer;
}

$t->fhirctl(qw(app add --id pub --public --redirect http://127.0.0.1:9/back --licence Public));
my $tag_of = sub { kind("GET $_[0]")->{etag}[0] };
my $foreign = 'Host: hospital-b.example';
my $preflight = 'Access-Control-Request-Method: POST';
my ($long, $json) = ('x' x 9000, 'Content-Type: application/fhir+json');
my @kinds = (
    # public: what depends on nobody who asks
    [ 200, qr/^public, max-age=\d+$/, map { ["GET $_"] } '/fhir/r4/.well-known/smart-configuration',
        '/fhir/r4/.well-known/openid-configuration', '/fhir/r4/auth/keys', '/fhir/r4/auth/style.json', '/portal',
        '/portal/', '/portal/directory', '/portal/directory/endpoints', '/portal/directory/brands', '/portal/status',
        '/portal/docs', '/portal/docs/R4/Patient', '/portal/docs/R4/openapi.json', '/dev/r4/fhir.css',
        '/fhir/r4/auth/fhir.css', '/portal/fhir.css' ],
    [ 304, qr/^public, max-age=\d+$/, map { [ "GET $_", 'If-None-Match: ' . $tag_of->($_) ] } '/fhir/r4/metadata',
        '/portal/directory/endpoints', '/portal/docs/R4/openapi.json' ],
    # pages and documents for one person, redirects, and refusals
    [ 200, qr/^no-store$/, map { ["GET $_"] } '/fhir/r4/auth/manage', '/portal/connect', '/portal/licences' ],
    [ 303, qr/^no-store$/,
        ['GET /fhir/r4/auth/authorize?client_id=pub&redirect_uri=http://127.0.0.1:9/back&response_type=token'] ],
    [ 401, qr/^no-store$/, ['GET /fhir/r4/auth/authorize?client_id=none'], ['GET /fhir/r4/auth/userinfo'] ],
    [ 404, qr/^no-store$/, map { ["GET $_"] } '/fhir/r4/auth/none', '/fhir/r4/.well-known/none', '/portal/none' ],
    [ 405, qr/^no-store$/, ['GET /fhir/r4/auth/token'], ['DELETE /portal/'] ],
    # httpd's own errors, which caches would keep
    [ 400, qr/^no-store$/, ['GET /dev/r4/Patient/%zz'], [ 'GET /dev/r4/Patient/%zz', 'Accept: text/html' ],
        ['GET /fhir/r4/auth/%zz'], ['GET /portal/%zz'], [ 'GET /dev/r4/Patient', "X-A: $long" ],
        [ 'GET /portal/', "X-A: $long" ], [ 'GET /dev/r4/Patient', 'X A: 1' ] ],
    [ 403, qr/^no-store$/, ['GET /shut/r4/Patient'], [ 'GET /shut/r4/Patient', 'Accept: text/html' ] ],
    [ 404, qr/^no-store$/, ['GET /dev/metadata'], ['GET /dev/r4/Patient/a%2Fb'], ['GET /portal/a%2Fb'] ],
    [ 413, qr/^no-store$/, map { [ 'POST /small/r4/Patient', $json, 'Content-Length: 500', $_ ] } 'Accept: */*',
        'Accept: text/html' ],
    [ 414, qr/^no-store$/, map { ["GET $_$long"] } '/dev/r4/Patient?_id=', '/fhir/r4/auth/authorize?x=', '/portal/' ],
    [ 417, qr/^no-store$/, [ 'GET /dev/r4/Patient', 'Expect: wonders' ] ],
    [ 421, qr/^no-store$/, [ 'GET /portal/', $foreign ] ],
    # FHIR
    [ 413, qr/^private, no-cache$/, [ 'POST /dev/r4/Patient', $json, 'Content-Length: 99000000' ] ],
    [ 421, qr/^private, no-cache$/, map { [ "GET $_", $foreign ] } '/dev/r4/Patient', '/fhir/r4/Patient',
        '/fhir/r4/auth/token', '/fhir/r4/.well-known/smart-configuration', '/fhir/r4/.well-known/none' ],
    # no cache keeps an answer to OPTIONS
    [ 204, undef, [ 'OPTIONS /fhir/r4/Patient', 'Origin: https://app.example', $preflight ] ],
);
for my $row (@kinds) {
    my ($status, $caching, @requests) = @$row;
    for my $request (@requests) {
        my $answer = kind(@$request);
        my $name = join ', ', map { s/x{9000}/xxx/r } @$request;
        is($answer->{status}, $status, $name);
        is_deeply($answer->{'x-content-type-options'}, ['nosniff'], '  is what it says, and says so once');
        my @said = @{ $answer->{'cache-control'} || [] };
        like("@said", $caching, '  tells caches what they may do') if $caching;
        next if $status != 200 || "@said" !~ /public/;
        # Vary has whatever makes another answer of it.
        my ($vary, %other) = (join(' ', @{ $answer->{vary} || [] }), Authorization => 'Bearer x', Cookie => 'a=b',
            Accept => 'text/html;q=0.1, application/json', 'Accept-Language' => 'es');
        for my $header (grep { $vary !~ /\b$_\b(?!-)/ } sort keys %other) {
            my $same = kind(@$request, "$header: $other{$header}");
            is($same->{status} . length $same->{body}, $status . length $answer->{body},
                "  and is the same for any $header");
        }
    }
}

# ---- metadata ----

for my $base (qw(/dev/r4 /fhir/r4 /dev/dstu2)) {
    my $plain = $t->get("$base/metadata");
    is($plain->status, 200, "$base/metadata");
    is($plain->header('Cache-Control'), 'public, max-age=300', '  is everybody\'s');
    unlike($plain->header('Vary'), qr/Authorization/, '  whoever asks');
    my $tag = $plain->header('ETag');
    like($tag, qr{^W/"[0-9a-f]{24}"$}, '  with an entity tag');
    my $same = $t->get("$base/metadata", 'If-None-Match' => qq("x", $tag));
    is($same->status . $same->body, 304, '  which is compared');
    is($t->get("$base/metadata", 'If-None-Match' => '"x"')->body, $plain->body, '  and not any');
    my $zipped = $t->get("$base/metadata", 'Accept-Encoding' => 'br, gzip;q=0.5');
    is($zipped->header('Content-Encoding'), 'gzip', '  compressed for who takes that');
    is($zipped->header('ETag'), $tag, '    under the same weak tag');
    my $text;
    gunzip(\(my $bytes = $zipped->body), \$text);
    is($text, $plain->body, '    is the same text');
    cmp_ok(length $zipped->body, '<', 0.12 * length $plain->body, '    in an eighth of the bytes');
    is($t->get("$base/metadata", 'Accept-Encoding' => "gzip;q=0.0")->header('Content-Encoding'), undef,
        '  not for who does not');
    my %tags = ($tag => 1);
    for my $form (qw(_format=xml _format=html _pretty=true _summary=true _summary=text _elements=software)) {
        my $one = $t->get("$base/metadata?$form");
        is($one->status, 200, "  $form");
        ok(!$tags{ $one->header('ETag') }++, '    is told apart');
        is($t->get("$base/metadata?$form")->body, $one->body, '    the second time, too');
    }
    is($t->head("$base/metadata")->header('ETag'), $tag, '  HEAD');
    is($t->head("$base/metadata")->header('Content-Length'), length $plain->body, '    tells its length');
}
like(metadata_as('other.example', ''), qr{"url":"http://other\.example(?::\d+)?/ro/r4"},
    'a base that is asked for otherwise is another text');
like($t->get('/ro/r4/metadata')->json->{implementation}{url}, qr{^http://127\.0\.0\.1:}, 'and stays apart');
like($t->get('/dev/r4/metadata?_format=html&x=%22%3E1')->body, qr/^((?!x=).)*$/s, 'nothing of a query is kept');
metadata_as("h$_.example", '?_format=xml') for 1 .. 24;
is($t->get('/ro/r4/metadata')->status, 200, 'many forms push out old ones');
my $begin = time;
$t->get('/dev/r4/metadata?_format=html&_pretty=true');
my $first = time - $begin;
$begin = time;
$t->get('/dev/r4/metadata?_format=html&_pretty=true', 'If-None-Match' => '*') for 1 .. 10;
cmp_ok((time - $begin) / 10, '<', $first / 2, 'the second time costs less than the first')
    or diag(sprintf 'first %.1f ms, then %.1f', 1000 * $first, 100 * (time - $begin));

# ---- bodies that nobody reads ----

sub head_of {
    my ($path, $length, @more) = @_;
    return join "\r\n", "POST $path HTTP/1.1", "Host: 127.0.0.1:$t->{httpd}{port}",
        'Content-Type: application/fhir+json', "Content-Length: $length", @more, '', '';
}

for (
    [ 'a token is missing', '/fhir/r4/Patient', 401 ], [ 'nothing is there', '/dev/r4/x/y', 404 ],
    [ 'the method is not offered', '/ro/r4/Patient', 405 ], [ 'it is too large', '/dev/r4/Patient', 413, 99_000_000 ],
    [ 'the authorization server does not read it', '/fhir/r4/auth/none', 405 ],
) {
    my ($why, $path, $status, $length) = @$_;
    my ($text, $closed) = raw(head_of($path, $length // 1000) . '{', 3);
    like($text, qr{^HTTP/1\.1 $status }, "$why: $status at once, although the body is not there");
    like($text, qr/^Connection: close\r$/mi, '  and the connection is not kept') or diag($text);
    ok($closed, '  it is closed');
}
my ($text, $closed) = raw(head_of('/fhir/r4/Patient', 2) . '{}' . head_of('/fhir/r4/Patient', 2) . '{}', 1);
is(scalar(() = $text =~ m{HTTP/1\.1 401 }g), 2, 'a small body that is there costs no connection');
($text) = raw(head_of('/fhir/r4/Patient', 1000, 'Expect: 100-continue'), 1);
like($text, qr{\AHTTP/1\.1 401 }, 'who waits for 100 Continue is answered without it');

# ---- forms of foreign pages ----

for my $type ('text/plain', 'Text/Plain; charset=utf-8', 'multipart/form-data; boundary=x',
    'application/x-www-form-urlencoded') {
    is_outcome($t->post('/dev/r4/Binary', 'x', 'Content-Type' => $type, Authorization => 'Basic eDp4'), 415,
        'not-supported', qr/form/, "a form can send $type");
    my $made = $t->post('/dev/r4/Binary', 'x', 'Content-Type' => $type, 'X-Requested-With' => 'upload');
    is($made->status, 201, '  not with a header of its own');
}
is($t->post('/dev/r4/Binary', 'x', 'Content-Type' => 'text/csv')->status, 201, 'nor another type');
# Nor has a body without a type, which a script of the page can send; whatever it is posted to.
for my $type ('text/plain', 'multipart/form-data; boundary=x', 'text/plain;application/fhir+json', '', undef) {
    my @type = defined $type ? ("Content-Type: $type") : ();
    for my $path ('/dev/r4/Patient', '/dev/r4', '/dev/r4/Patient/$validate', '/dev/r4/Patient/p1/$everything',
        $type && $type =~ m{^text/plain$|^multipart} ? () : '/dev/r4/Binary') {
        my ($text) = raw(join("\r\n", "POST $path HTTP/1.0", "Host: 127.0.0.1:$t->{httpd}{port}", @type,
            'Content-Length: 26', '', '{"resourceType":"Patient"}'), 10);
        like($text, qr{^HTTP/1.1 415 }, "POST $path: not as " . ($type // 'a body without a type'));
    }
}
is($t->post('/dev/r4/Patient', '{"resourceType":"Patient"}', 'Content-Type' => 'application/x-www-form-urlencoded')
    ->status, 415, 'nor a form');
is($t->psql('SELECT count(*) FROM main.patient'), 1, 'and nothing is stored');

$t->done;
