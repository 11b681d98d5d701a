#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Bodies that do not come whole: cut off, too slow, too large. Nothing is stored, and the worker and
# the connection are free again. Endpoints without a write interaction, and what they declare.
use strict;
use warnings;
use FHIR::Test;
use IO::Socket::INET;
use Test::More;

my $ENDPOINTS = <<'CONF';
<Location "/dev/r4">
    FHIREndpoint R4 open
    FHIRInteractions all
    FHIRBodyMax 100K
    Require local
</Location>
<Location "/ro/r4">
    FHIREndpoint R4 open
    FHIRInteractions read search
    Require local
</Location>
CONF

my $t = FHIR::Test->new(endpoints => $ENDPOINTS, modules => ['reqtimeout'], threads => 4,
    conf => "RequestReadTimeout header=5 body=2\n");
my ($port) = $t->url('/') =~ /:(\d+)/;

# Sends bytes and says what comes back; close => 1: hangs up instead of reading.
sub raw {
    my ($bytes, %options) = @_;
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port, Timeout => 5)
        or die "connect: $!";
    print {$socket} $bytes;
    $socket->flush;
    return close $socket if $options{close};
    local $/;
    local $SIG{ALRM} = sub { die "no answer\n" };
    alarm 15;
    my $answer = <$socket> // '';
    alarm 0;
    return $answer;
}

sub head {
    my ($length, @more) = @_;
    return join "\r\n", 'POST /dev/r4/Patient HTTP/1.1', "Host: 127.0.0.1:$port",
        'Content-Type: application/fhir+json', 'Connection: close', "Content-Length: $length", @more,
        '', '';
}

my $whole = '{"resourceType":"Patient","gender":"male"}';

raw(head(length $whole) . substr($whole, 0, 20), close => 1) for 1 .. 8;
like raw(head(length $whole) . substr($whole, 0, 20)), qr{^(HTTP/1\.1 4\d\d|$)},
    'a body that stops half way is refused';
like raw(head(300_000) . ' ' x 1000), qr{^HTTP/1\.1 413 }, 'a body that is too large is refused at once';
like raw(head(0, 'Transfer-Encoding: chunked') =~ s/Content-Length: 0\r\n//r
        . join('', map { "2710\r\n" . ' ' x 10_000 . "\r\n" } 1 .. 11) . "0\r\n\r\n"),
    qr{^HTTP/1\.1 413 }, 'also when its length was not told';
is_outcome $t->post('/dev/r4/Patient', '{"resourceType":"Patient","extension":' . '[' x 5000,
    'Content-Type' => 'application/fhir+json'), 413, 'too-long', qr/deep|depth|nest/, 'nesting has a limit';
is $t->psql('SELECT count(*) FROM main.patient'), 0, 'nothing of these was stored';
is $t->post('/dev/r4/Patient', $whole, 'Content-Type' => 'application/fhir+json')->status, 201,
    'all workers and connections are free';
wait_for(sub { $t->psql(q{SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
    AND state LIKE 'idle in transaction%'}) == 0 }, 5);
is $t->psql(q{SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
    AND state LIKE 'idle in transaction%'}), 0, 'no transaction is left open';

# ---- endpoints that do not write ----

my $patient = { resourceType => 'Patient' };
for (
    [ 'POST', '/ro/r4/Patient',       $patient, qr/^GET, HEAD$/ ],
    [ 'PUT',  '/ro/r4/Patient/1',     { %$patient, id => '1' }, qr/^GET, HEAD$/ ],
    [ 'POST', '/ro/r4', { resourceType => 'Bundle', type => 'batch' }, qr/^GET, HEAD$/ ],
    )
{
    my ($method, $path, $body, $allow) = @$_;
    my $r = $t->request($method, $path, content => $body);
    is_outcome $r, 405, 'not-supported', qr/not offered/, "$method $path on a read-only endpoint";
    like $r->header('Allow') // '', $allow, 'tells what is allowed';
}
is $t->delete('/ro/r4/Patient/1')->status, 405, 'DELETE on a read-only endpoint';
my $rest = $t->get('/ro/r4/metadata')->json->{rest}[0];
my %declared = map { $_->{code} => 1 } map { @{ $_->{interaction} || [] } } $rest, @{ $rest->{resource} };
is_deeply [ sort keys %declared ], [ 'read', 'search-system', 'search-type' ], 'its CapabilityStatement says the same';
is_deeply [ grep { $_->{conditionalCreate} || $_->{conditionalUpdate} || $_->{updateCreate} }
        @{ $rest->{resource} } ], [], 'and shows no conditional write';

my $all = $t->get('/dev/r4/metadata')->json;
is_deeply [ @{ $all->{rest}[0]{resource}[0] }{qw(conditionalCreate conditionalUpdate conditionalDelete)} ],
    [ JSON::PP::true, JSON::PP::true, undef ], 'another one shows what it offers';
is_deeply $all->{patchFormat}, [ map { "application/$_" } qw(json-patch+json xml-patch+xml fhir+json fhir+xml) ],
    'with the patch formats';

$t->done;
