#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# A hundred megabytes of anything: refused with 413 as soon as the limit is passed, in memory that
# the limit bounds. What is within the limit takes time that grows with its size.
use strict;
use warnings;
use FHIR::Test;
use FHIR::Test::System qw(pid_in read_file);
use IO::Compress::Gzip qw(gzip);
use IO::Select;
use IO::Socket::INET;
use Test::More;

my $t = FHIR::Test->new(modules => ['deflate', 'filter'], threads => 2, conf => <<'CONF');
<Location "/zip/r4">
    FHIREndpoint R4 open
    FHIRInteractions all
    SetInputFilter DEFLATE
    Require local
</Location>
CONF
$t->load({ resourceType => 'Patient', id => 'p' });
my ($port) = $t->url('/') =~ /:(\d+)/;
my $MB = 1 << 20;

# Sends parts until all are sent or the server has something to say; gives its answer.
sub answer {
    my ($head, $next) = @_;
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port) or die "connect: $!";
    my $select = IO::Select->new($socket);
    local $SIG{PIPE} = 'IGNORE';
    local $SIG{ALRM} = sub { die "no answer\n" };
    alarm 120;
    print {$socket} join "\r\n", @$head, "Host: 127.0.0.1:$port", '', '';
    $socket->flush;
    while (!$select->can_read(0) && defined(my $part = $next->())) {
        last unless print {$socket} $part;
        $socket->flush;
    }
    local $/;
    my $text = <$socket> // '';
    alarm 0;
    return $text;
}

# So many megabytes of a unit behind a beginning, in chunks.
sub chunks {
    my ($begin, $unit, $mb) = @_;
    my $part = $unit x ($MB / length $unit);
    my @parts = ($begin, ($part) x $mb, undef);
    my $last = 0;
    return sub {
        return if $last;
        my $data = shift @parts;
        $last = !defined $data;
        return $last ? "0\r\n\r\n" : sprintf("%x\r\n%s\r\n", length $data, $data);
    };
}

# The most memory that a child of httpd ever had, in megabytes.
sub peak {
    my $pid = pid_in($t->httpd->{pid_file});
    my $most = 0;
    for my $child (split ' ', read_file("/proc/$pid/task/$pid/children")) {
        my ($kb) = read_file("/proc/$child/status") =~ /^VmHWM:\s+(\d+)/m;
        $most = $kb / 1024 if $kb / 1024 > $most;
    }
    return $most;
}

my $before = peak();
my @post = ('POST /dev/r4/Patient HTTP/1.1', 'Connection: close');
my $xml = '<Patient xmlns="http://hl7.org/fhir"';
for (
    [ 'a JSON string',  'json', '{"resourceType":"',      'x' ],
    [ 'JSON arrays',    'json', '[',                      '[' ],
    [ 'JSON numbers',   'json', '[0',                     ',0' ],
    [ 'XML elements',   'xml',  "$xml>",                  '<a>' ],
    [ 'XML attributes', 'xml',  $xml,                     " a=''" ],
    [ 'an XML value',   'xml',  "$xml><language value='", 'x' ],
) {
    my ($name, $format, $begin, $unit) = @$_;
    like answer([ @post, "Content-Type: application/fhir+$format", 'Transfer-Encoding: chunked' ],
        chunks($begin, $unit, 100)),
        qr{^HTTP/1\.1 413 .*"OperationOutcome".*larger than the 16777216 bytes}s, "100 MB: $name";
}
like answer([ @post, 'Content-Type: application/fhir+json', 'Content-Length: ' . 100 * $MB ], sub { }),
    qr{^HTTP/1\.1 413 }, '100 MB that are only announced';
like answer([ 'POST /dev/r4/Patient/_search HTTP/1.1', 'Connection: close',
        'Content-Type: application/x-www-form-urlencoded',
            'Transfer-Encoding: chunked' ], chunks('name=', 'x', 100)),
    qr{^HTTP/1\.1 413 .*larger than the 65536 bytes}s, '100 MB of a form';
# Not to be guessed from its size. (What shrinks more than two hundred times is refused by mod_deflate.)
my $unit = join '', map { sprintf '%05d ', $_ * 7919 % 99991 } 1 .. 2000;
gzip(\($unit x (100 * $MB / length $unit)), \my $zipped) or die;
is $t->post('/zip/r4/Patient', $zipped, 'Content-Type' => 'application/fhir+json',
    'Content-Encoding' => 'gzip')->status, 413,
    '100 MB in ' . int(length($zipped) / 1024) . ' KB of gzip';
SKIP: {
    skip 'the sanitizers keep freed memory', 1 if FHIR::Test::Httpd::sanitized();
    my $grown = peak() - $before;
    cmp_ok $grown, '<', 100, sprintf 'no process took more than six times the limit: %.0f MB', $grown;
}

# Few bytes can ask for much.
my $patch = sub {
    my ($type, $body) = @_;
    my $tag = $t->get('/dev/r4/Patient/p')->header('ETag');
    return $t->patch('/dev/r4/Patient/p', $body, 'Content-Type' => $type, 'If-Match' => $tag);
};
my $add = '{"op":"add","path":"/name","value":[{"family":"a"}]}';
is_outcome $patch->('application/json-patch+json', "[$add,"
    . join(',', ('{"op":"copy","from":"/name","path":"/name/0"}') x 40) . ']'),
    413, 'too-long', qr/copies hold more values/, 'copies of copies';
is_outcome $patch->('application/json-patch+json', '[' . join(',', ($add) x 1001) . ']'), 413, 'too-long',
    qr/more than 1000 operations/,
    'operations of a JSON Patch';
is $patch->('application/json-patch+json', '[' . join(',', ($add) x 1000) . ']')->status, 200, 'a thousand are taken';
is_outcome $patch->('application/xml-patch+xml', '<diff>' . '<remove sel="x"/>' x 1001 . '</diff>'), 413, 'too-long',
    qr/more than 1000 operations/, 'operations of an XML Patch';
is_outcome $patch->('application/fhir+json', '{"resourceType":"Parameters","parameter":['
    . join(',', ('{"name":"operation"}') x 1001) . ']}'),
    413, 'too-long', qr/more than 1000 operations/, 'operations of a FHIRPath Patch';

is_outcome $patch->('application/json-patch+json', '[{"op":"add","path":"/z","value":{}},'
    . join(',', ('{"op":"copy","from":"","path":"/z/z"}') x 40) . ']'),
    413, 'too-long', qr/deeper than \d+ levels/, 'copies into themselves';
is_outcome $patch->('application/fhir+json', '{"resourceType":"Parameters","parameter":[{"name":"operation","part":['
    . '{"name":"type","valueCode":"delete"},{"name":"path","valueString":"(1|2|3|4|5|6|7|8|9).aggregate('
    . '$total.combine($total).combine($total).combine($total).combine($total).combine($total), 1)"}]}]}'),
    400, 'too-costly', qr/more than 2000000 steps/, 'a collection that grows by itself';
is_outcome $t->put('/dev/r4/Patient?' . join('&', map {"identifier=$_"} 1 .. 200), { resourceType => 'Patient' }),
    400, 'too-costly', qr/200 parameters; at most 100/, 'a condition of many parameters';

my $list = $t->post('/dev/r4/List', { resourceType => 'List', status => 'current', mode => 'working',
        entry => [ map { { item => { reference => "Patient/none$_" } } } 1 .. 60000 ] });
is $list->status, 422, 'sixty thousand references to nothing';
is scalar @{ $list->json->{issue} }, 101, 'are not all told';
like $list->json->{issue}[100]{diagnostics}, qr/^59900 more/, 'the last issue says so';

# Within the limits: work grows with the size of a body, not with its square.
my @json = ('Content-Type' => 'application/fhir+json');
my $many = sub { my ($n, $form) = @_; return join ',', map { sprintf $form, $_ } 1 .. $n };
my $wide = "\xef\xbc\x8c" x 300_000; # U+FF0C, which begins as what XML does not have
for (
    [ 'members that are none', 422, '{"resourceType":"Patient",' . $many->(200_000, '"_m%d":{}') . '}',
        qr/no element '_m1'/ ],
    [ 'contained resources', 422, '{"resourceType":"Patient","contained":['
            . $many->(40_000, '{"resourceType":"Basic","id":"c%d","code":{"text":"x"}}') . ']}', qr/Nothing refers/ ],
    [ 'a narrative', 201, qq({"resourceType":"Patient","text":{"status":"generated","div":"<div )
        . qq(xmlns=\\"http://www.w3.org/1999/xhtml\\">$wide</div>"}}), qr/Patient/ ],
    [ 'an XML comment', 400, '<Patient xmlns="http://hl7.org/fhir">' . '<!--' x 1_000_000, qr/comment must end/ ],
    [ 'a value', 201, qq({"resourceType":"Patient","name":[{"family":"$wide"}]}), qr/Patient/ ],
) {
    my ($name, $status, $body, $text) = @$_;
    my $answer = $t->post('/dev/r4/Patient', $body, $body =~ /^</ ? ('Content-Type' => 'application/fhir+xml') : @json);
    is $answer->status, $status, "much of $name";
    like $answer->body, $text, 'and the right answer';
    next if $status != 201;
    my ($id) = $answer->body =~ /"id":"([^"]+)"/;
    like $t->get("/dev/r4/Patient/$id?_format=xml")->body, qr/\Q$wide\E/, 'it comes as XML';
    my $page = $t->get("/dev/r4/Patient/$id?_format=html")->body;
    like $page, qr/(?:\xef\xbc\x8c){50}|The rest is in the JSON and XML/, 'a page has some of it, or says where it is';
    cmp_ok length $page, '<', 150_000, 'and is not as long';
}
is $t->get('/dev/r4/Patient/p')->status, 200, 'and the server answers';
$t->done;
