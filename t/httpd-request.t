# SPDX-License-Identifier: Apache-2.0
# Requests as httpd hands them over, and answers as it sends them: paths, bodies, limits, large pages.
use strict;
use warnings;
use FHIR::Test;
use FHIR::Test::System qw(read_file);
use IO::Socket::INET;
use JSON::PP ();
use Test::More;

my $t = FHIR::Test->new(modules => [qw(deflate filter)], endpoints => <<'CONF');
<Location "/">
    FHIREndpoint R4 open
    Require local
    FHIRInteractions read
</Location>
<Location "/dev/r4">
    FHIREndpoint R4 open
    Require local
    FHIRInteractions all
</Location>
FHIRBodyMax 2K
DeflateAlterETag NoChange
FHIRQueryMax 16K
LogFormat "%{fhir-interaction}n %{fhir-type}n %>s" notes
CustomLog "notes_log" notes
<Location "/deflate/r4">
    FHIREndpoint R4 open
    Require local
    FHIRInteractions all
    AddOutputFilterByType DEFLATE application/fhir+json
    SetInputFilter DEFLATE
</Location>
CONF

# 1,000 patients of 2 KB: pages that do not fit into the spool's memory.
$t->psql(<<'SQL');
INSERT INTO main.patient (id, version, last_updated, resource)
SELECT 'p' || i, 1, '2026-01-02 03:04:05Z', format('{"resourceType":"Patient","id":"p%s","language":"%s"}',
    i, repeat('x', 2000)) FROM generate_series(1, 1000) i;
SQL

# The answer to bytes as they are, or what came of it.
sub raw {
    my ($bytes) = @_;
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $t->httpd->{port});
    print {$socket} $bytes;
    local $/;
    return scalar <$socket> // '';
}

# ---- paths ----

my $patient = $t->get('/dev/r4/Patient/p1')->body;
like($patient, qr/^\{"resourceType":"Patient","id":"p1","language":"x{2000}"\}$/, 'a read is the stored bytes');
for my $path ('/dev/r4/P%61tient/p1', '/dev/r4//Patient/p1', '/dev/./r4/x/../Patient/p1',
    '/dev/r4/Patient/p1?', '/Patient/p1') {
    is($t->get($path)->body, $patient, $path);
}
for my $path ('/dev/r4/Patient%2Fp1', '/dev/r4/Patient/p1%00', '/dev/r4/Patient/../../../x') {
    isnt($t->get($path)->status, 200, $path);
}
is_outcome($t->get('/dev/r4/Patient/%2561'), 404, 'not-found', qr/%2561/, 'what is encoded twice is decoded once');
is_outcome($t->get('/dev/r4/Patient/p1/$x%20y'), 404, 'not-found', qr/./, 'an operation');
is($t->get('/dev/r4?_count=1')->status, 200, 'the base itself');
like(raw("GET http://127.0.0.1/dev/r4/Patient/p1 HTTP/1.0\r\n\r\n"), qr/\r\n\r\n\Q$patient\E$/,
    'an absolute URL in the request line');

# ---- answers ----

my ($get, $head) = ($t->get('/dev/r4/Patient/p1'), $t->head('/dev/r4/Patient/p1'));
is($head->status, 200, 'HEAD');
is($head->body, '', 'has no body');
is($head->header($_), $get->header($_), "and the $_ of GET") for qw(Content-Type ETag Last-Modified);
like($head->header('Content-Length') // length $patient, qr/^${\length $patient}$/, 'and no wrong length');
is($get->header('Content-Length'), length $patient, 'the length is told');
my $same = $t->get('/dev/r4/Patient/p1', 'If-None-Match' => $get->header('ETag'));
is($same->status, 304, 'not modified');
is($same->body . ($same->header('Content-Type') // ''), '', 'without body and type');
is($same->header('ETag'), $get->header('ETag'), 'with the entity tag');

for my $count (1, 60, 1000) {
    my $page = $t->get("/dev/r4/Patient?_count=$count");
    is($page->status, 200, "a page of $count");
    is($page->header('Content-Length'), length $page->body, 'its length is told');
    is(scalar @{ $page->json->{entry} }, $count, 'all of it is there');
}
is($t->head('/dev/r4/Patient?_count=1000')->body, '', 'HEAD of a large page');
my $packed = $t->get('/deflate/r4/Patient?_count=1000', 'Accept-Encoding' => 'gzip');
is($packed->header('Content-Encoding'), 'gzip', 'mod_deflate packs it');
cmp_ok(length $packed->body, '<', 200_000, 'well');
is($t->get('/deflate/r4/Patient/p1', 'Accept-Encoding' => 'gzip')->header('ETag'), $get->header('ETag'),
    'and leaves the entity tag');

# ---- methods ----

for my $method (qw(OPTIONS DELETE PATCH MKCOL FOO)) {
    my $answer = $t->request($method, '/Patient/p1');
    is_outcome($answer, 405, 'not-supported', qr/\Q$method\E/, "$method where only reading is offered");
    like($answer->header('Allow'), qr/GET/, 'and Allow');
}

is_outcome($t->request('OPTIONS', '/'), 405, 'not-supported', qr/OPTIONS/, 'OPTIONS of the base, which DSTU2 has');

# ---- request bodies ----

sub body_of { return '{"resourceType":"Patient","name":[{"text":"' . 'x' x shift() . '"}]}' }
sub create {
    my ($path, $body, %headers) = @_;
    return $t->request('POST', "$path/Patient", content => $body,
        headers => { 'Content-Type' => 'application/fhir+json', %headers });
}
my $made = create('/dev/r4', body_of(20));
is($made->status, 201, 'a body arrives') or diag($made->body);
is($t->get($made->header('Location') =~ s{/_history/.*}{}r)->json->{name}[0]{text}, 'x' x 20, 'as it was sent');
is_outcome(create('/dev/r4', body_of(4000)), 413, 'too-long', qr/2048 bytes/, 'a body that is announced too large');
my $head_of = "POST /dev/r4/Patient HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
    . "Content-Type: application/fhir+json\r\n";
like(raw($head_of . "Transfer-Encoding: chunked\r\n\r\n" . ("800\r\n" . ' ' x 2048 . "\r\n") x 20),
    qr{^HTTP/1.1 413 }, 'one that turns out to be');
like(raw($head_of . "Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n19\r\n\"resourceType\":\"Patient\"}\r\n0\r\n\r\n"),
    qr{^HTTP/1.1 201 }, 'in chunks');
like(raw($head_of . "Expect: 100-continue\r\nContent-Length: 999999\r\n\r\n"), qr{^HTTP/1.1 413 },
    'too large, and never asked for');
my $broken = raw($head_of . "Transfer-Encoding: chunked\r\n\r\nzz\r\n");
like($broken, qr{^HTTP/1.1 400 }, 'broken chunks');
is(scalar(() = $broken =~ /OperationOutcome/g), 1, 'are answered once');
is_outcome(create('/dev/r4', 'xyz', 'Content-Encoding' => 'gzip'), 415, 'not-supported', qr/gzip/,
    'a coding that nobody undoes');
SKIP: {
    skip 'IO::Compress::Gzip is not there', 1 unless eval { require IO::Compress::Gzip };
    my $plain = body_of(1000);
    IO::Compress::Gzip::gzip(\$plain => \my $gzip);
    my $answer = create('/deflate/r4', $gzip, 'Content-Encoding' => 'gzip');
    is($answer->status, 201, 'a coding that mod_deflate undoes') or diag($answer->body);
}
{ # a client that goes away in the middle
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $t->httpd->{port});
    print {$socket} $head_of, "Content-Length: 100\r\n\r\n_id=";
    close $socket;
}
is($t->get('/dev/r4/Patient/p1')->status, 200, 'a client that went away did no harm');

# ---- the access log's notes ----

my $notes = read_file($t->httpd->{dir} . '/notes_log');
like($notes, qr/^read Patient 200$/m, 'interaction and type of a read');
like($notes, qr/^search-type Patient 200$/m, 'and of a search');
$t->done;
