# SPDX-License-Identifier: Apache-2.0
# What an endpoint is called: the Host header decides neither what a stored reference means nor what links
# say, where the endpoint writes or takes tokens, and other hosts are answered 421.
use strict;
use warnings;
use FHIR::Test;
use IO::Socket::INET;
use JSON::PP ();
use Test::More;

my $t = FHIR::Test->new(endpoints => <<'CONF');
<Location "/write/r4">
    FHIREndpoint R4 open
    Require local
    FHIRInteractions all
    FHIRRequireIfMatch Off
</Location>
<Location "/read/r4">
    FHIREndpoint R4 open
    Require local
</Location>
<Location "/token/r4">
    FHIREndpoint R4 patient
</Location>
<Location "/any/r4">
    FHIREndpoint R4 open
    Require local
    FHIRInteractions all
    FHIRHosts any
</Location>
<Location "/listed/r4">
    FHIREndpoint R4 open
    Require local
    FHIRInteractions all
    FHIRHosts Backend.internal other.internal
</Location>
<Location "/named/r4">
    FHIREndpoint R4 open
    Require local
    FHIRInteractions all
    FHIRBaseURL https://api.clinic.example/named/r4
</Location>
CONF
my $port = $t->httpd->{port};
my $json = JSON::PP->new->canonical;

# Status and body of a request by the name of that host; no host: none is said, as in HTTP/1.0.
sub by {
    my ($host, $method, $path, $resource) = @_;
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port) or die;
    my $body = $resource ? $json->encode($resource) : '';
    my $length = length $body;
    print {$socket} "$method $path HTTP/1.0\r\n" . (defined $host ? "Host: $host\r\n" : '')
        . "Content-Type: application/fhir+json\r\nContent-Length: $length\r\n\r\n$body";
    local $/;
    my ($head, $answer) = split /\r\n\r\n/, scalar <$socket>, 2;
    my ($status) = $head =~ m{^HTTP/\S+ (\d+)};
    return ($status, $answer // '', $head);
}

sub about { return { resourceType => 'Observation', status => 'final', code => { text => 'x' },
    subject => { reference => $_[0] } } }

my ($status, undef, $head) = by(undef, 'POST', '/write/r4/Patient', { resourceType => 'Patient' });
is($status, 201, 'a request that says no host');
my ($id) = $head =~ m{^Location: http://127\.0\.0\.1:$port/write/r4/Patient/([^/]+)}m;
ok($id, 'its Location is made of ServerName and the port') or diag($head);

# ---- other hosts ----

for ([ '127.0.0.1', 200 ], [ "127.0.0.1:$port", 200 ], [ '127.0.0.1:1', 200 ], [ 'hospital-b.example', 421 ],
    [ 'localhost', 421 ], [ '127.0.0.1.example', 421 ]) {
    my ($host, $expected) = @$_;
    is((by($host, 'GET', "/write/r4/Patient/$id"))[0], $expected, "an endpoint that writes, as $host");
    is((by($host, 'GET', "/token/r4/metadata"))[0], $expected, "  one that takes tokens");
    is((by($host, 'GET', "/read/r4/Patient/$id"))[0], 200, '  an open one that reads');
    is((by($host, 'GET', "/any/r4/Patient/$id"))[0], 200, '  one with FHIRHosts any');
}
for ([ 'backend.INTERNAL:81', 200 ], [ 'other.internal', 200 ], [ '127.0.0.1', 200 ], [ 'internal', 421 ], [ 'any',
    421 ], [ 'backend.internal other.internal', 400 ]) {
    is((by($_->[0], 'GET', "/listed/r4/Patient/$id"))[0], $_->[1], "with a list of FHIRHosts, as $_->[0]");
}
for ([ 'api.clinic.example', 200 ], [ '127.0.0.1', 200 ], [ 'hospital-b.example', 421 ]) {
    is((by($_->[0], 'GET', "/named/r4/Patient/$id"))[0], $_->[1], "with FHIRBaseURL, as $_->[0]");
}
my ($refused, $outcome) = by('hospital-b.example', 'POST', '/write/r4/Patient', { resourceType => 'Patient' });
is($refused, 421, 'a write by another name is refused');
like($outcome, qr{"hospital-b.example\\".*http://127\.0\.0\.1:$port/write/r4.*FHIRHosts},
    '  and told how the endpoint is called, and who can change it');
is((by('hospital-b.example', 'POST', '/write/r4/Patient', undef))[0], 421, '  before anything else is wrong with it');

# ---- references ----

# Each of these is stored, or refused, alike by whatever name it comes.
for my $host ('127.0.0.1', 'hospital-b.example') {
    my $store = sub { return by($host, 'POST', '/any/r4/Observation', about($_[0])) };
    my ($foreign, $answer) = $store->('http://hospital-b.example/any/r4/Patient/' . $id);
    is($foreign, 201, "as $host: a reference to a foreign server is stored");
    my ($observation) = $answer =~ /"id":"([^"]+)/;
    is($t->psql("SELECT patient IS NULL, subject FROM main.observation WHERE id = '$observation'"),
        "t|http://hospital-b.example/any/r4/Patient/$id", '  and means no patient of this one');
    is(($store->("http://127.0.0.1:$port/any/r4/Patient/none"))[0], 422, '  a reference below the own base is checked');
    my ($own, $stored) = $store->("http://127.0.0.1:$port/any/r4/Patient/$id");
    is($own, 201, '  and stored if it leads somewhere');
    ($observation) = $stored =~ /"id":"([^"]+)/;
    is($t->psql("SELECT patient FROM main.observation WHERE id = '$observation'"), $id, '  and means the patient');
    like((by($host, 'GET', '/any/r4/Patient?_count=1'))[1],
        qr{"fullUrl":"http://127\.0\.0\.1:$port/any/r4/Patient/}, '  links have the base');
}

$t->done;
