# SPDX-License-Identifier: Apache-2.0
# What must not start, with a message that says what is accepted, and what must; where settings hold.
use strict;
use warnings;
use FHIR::Test;
use FHIR::Test::Httpd;
use IO::Socket::INET;
use JSON::PP ();
use Test::More;

my $httpd = FHIR::Test::Httpd->new;

# The result of httpd -t with this configuration of endpoints.
sub check {
    $httpd->{endpoints} = shift;
    return $httpd->check_config;
}

sub endpoint { return "<Location /fhir>\nFHIREndpoint R4 open\nRequire local\n" . join("\n", @_) . "\n</Location>\n" }

my @refused = (
    [ 'FHIRCountMax 0', qr/FHIRCountMax 0: .*1 to 10000/ ],
    [ 'FHIRCountMax 10001', qr/FHIRCountMax 10001: .*1 to 10000/ ],
    [ 'FHIRCountMax 5x', qr/FHIRCountMax 5x: / ],
    [ 'FHIRCountMax -5', qr/FHIRCountMax -5: / ],
    [ 'FHIRCountMax', qr/FHIRCountMax: a value is missing/ ],
    [ 'FHIRCountMax 5 6', qr/FHIRCountMax 5 6: / ],
    [ 'FHIRCountMax 99999999999999999999', qr/FHIRCountMax 9+: / ],
    [ 'FHIRBodyMax 16X', qr/FHIRBodyMax 16X: .*bytes\[K\|M\|G\].*1K to 1024M/ ],
    [ 'FHIRBodyMax 99999999999G', qr/FHIRBodyMax 9+G: / ],
    [ 'FHIRRetryAfter 1500ms', qr/FHIRRetryAfter 1500ms: / ],
    [ 'FHIRRetryAfter soon', qr/FHIRRetryAfter soon: .*1s to 3600s, with a unit/ ],
    [ 'FHIRUpdateCreate maybe', qr/FHIRUpdateCreate maybe: .*On or Off/ ],
    [ 'FHIRCreateWithId take', qr/FHIRCreateWithId take: .*reject or ignore/ ],
    [ 'FHIRTenant Main', qr/FHIRTenant Main: not a valid name of a tenant.*a to z/ ],
    [ 'FHIRTenant 1st', qr/FHIRTenant 1st: / ],
    [ 'FHIRTenant "a\"b"', qr/FHIRTenant a"b: / ],
    [ 'FHIRTenant ' . 'a' x 49, qr/FHIRTenant a+: .*48 in all/ ],
    [ 'FHIRInteractions read write', qr/unknown interaction write.*read vread search/ ],
    [ 'FHIRInteractions', qr/FHIRInteractions: a value is missing/ ],
    [ 'FHIRInteractions all read', qr/unknown interaction all/ ],
    [ 'FHIRTimeZone Mars/Olympus', qr/FHIRTimeZone Mars\/Olympus: .*Mars\/Olympus/ ],
    [ 'FHIRTimeZone ../../etc/passwd', qr/FHIRTimeZone/ ],
    [ 'FHIRBaseURL /fhir', qr/FHIRBaseURL \/fhir: .*absolute http or https URL/ ],
    [ 'FHIRBaseURL ftp://x/y', qr/FHIRBaseURL ftp/ ],
    [ 'FHIRBaseURL http://x/y?z', qr/FHIRBaseURL http/ ],
    [ 'FHIRCountDefault 200', qr/FHIRCountDefault 200 is above FHIRCountMax 100/, 'FHIRCountMax 100' ],
    [ 'FHIRConnections 4', qr/FHIRConnections/ ],    # not in a Location
);
for my $case (@refused) {
    my ($line, $message, @more) = @$case;
    my $done = check(endpoint($line, @more));
    isnt($done->{status}, 0, "refused: $line");
    like($done->{err}, $message, 'and the message says why');
}

my @places = (
    [ "FHIREndpoint R4 open\n", qr/<Location>/ ],
    [ "<LocationMatch ^/f>\nFHIREndpoint R4 open\n</LocationMatch>\n", qr/without wildcards/ ],
    [ "<Location ~ /f>\nFHIREndpoint R4 open\n</Location>\n", qr/without wildcards/ ],
    [ "<Location ~ \"/f\">\nFHIREndpoint R4 open\n</Location>\n", qr/without wildcards/ ],
    [ "<Location ~ ^/f>\nFHIREndpoint R4 open\n</Location>\n", qr/without wildcards/ ],
    [ "<Location /f*>\nFHIREndpoint R4 open\n</Location>\n", qr/without wildcards/ ],
    [ "<Directory />\nFHIREndpoint R4 open\n</Directory>\n", qr/FHIREndpoint cannot occur within/ ],
    [ "<Location /f>\nFHIREndpoint R9 open\n</Location>\n", qr/FHIREndpoint R9 open: unknown version.*R4/ ],
    [ "<Location /f>\nFHIREndpoint DSTU1 open\n</Location>\n", qr/FHIREndpoint DSTU1 open: unknown version.*DSTU2/ ],
    [ "<Location /f>\nFHIREndpoint R4 all\n</Location>\n", qr/unknown audience.*provider, patient or open/ ],
    [ "<Location /f>\nFHIREndpoint R4\n</Location>\n", qr/takes two words/ ],
    [ "<Location /f>\nFHIREndpoint R4 open\n</Location>\n", qr/Require local, or Require all granted/ ],
    [ "<VirtualHost *>\nFHIRBaseURL http://x\n</VirtualHost>\n", qr/belongs into a <Location>/ ],
    [ "FHIRStatementTimeout 1h\nFHIRConnections none\n", qr/FHIRConnections none: .*1 to 1000/ ],
);
for my $case (@places) {
    my ($text, $message) = @$case;
    my $done = check($text);
    isnt($done->{status}, 0, 'refused: ' . $text =~ s/\n/ /gr);
    like($done->{err}, $message, 'and the message says why');
}

my @accepted = (
    '', endpoint(), endpoint('FHIRCountMax 50'), endpoint('FHIRBodyMax 4m', 'FHIRRetryAfter 1min'),
    endpoint('FHIRInteractions READ search') =~ s/READ/read/r,
    "FHIRCountMax 50\nFHIRTenant other\n" . endpoint('FHIRCountDefault 50'),
    "<Location />\nFHIREndpoint r4 Provider\n</Location>\n",
    "<VirtualHost *>\nFHIRReadLane off\n" . endpoint() . "</VirtualHost>\n",
);
for my $text (@accepted) {
    my $done = check($text);
    is($done->{status}, 0, 'accepted: ' . $text =~ s/\n/ /gr) or diag($done->{err});
}

# Where they hold: outside a Location for all, inside for one; a virtual host has its own.
my $t = FHIR::Test->new(endpoints => <<'CONF', conf => <<'HOST');
FHIRInteractions read search
<Location "/a">
    FHIREndpoint R4 open
    Require local
</Location>
<Location "/b">
    FHIREndpoint R4 open
    Require local
    FHIRInteractions all
    FHIRBaseURL https://fhir.example/base/
</Location>
<Location "/c/">
    FHIREndpoint R4 open
    Require local
    FHIRTenant nobody
</Location>
<Location "/b/status">
    SetHandler server-status
</Location>
CONF
<VirtualHost *>
    ServerName other.example
    FHIRInteractions read
</VirtualHost>
<VirtualHost *>
    ServerName 127.0.0.1
</VirtualHost>
HOST

# What the CapabilityStatement says of Patient; HTTP::Tiny does not let us choose Host.
sub offered {
    my ($path, $host) = @_;
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $t->httpd->{port});
    print {$socket} "GET $path/metadata HTTP/1.0\r\nHost: $host\r\n\r\n";
    local $/;
    my (undef, $body) = split /\r\n\r\n/, <$socket>, 2;
    my $statement = JSON::PP->new->decode($body);
    my ($patient) = grep { $_->{type} eq 'Patient' } @{ $statement->{rest}[0]{resource} };
    return join ' ', $statement->{implementation}{url}, sort map { $_->{code} } @{ $patient->{interaction} };
}
my $here = '127.0.0.1:' . $t->httpd->{port};
is(offered('/a', $here), "http://$here/a read search-type", 'a Location takes what is set outside');
like(offered('/b', $here), qr{^https://fhir.example/base .*history-instance .*vread},
    'its own value wins; FHIRBaseURL');
is(offered('/a', 'other.example'), 'http://other.example/a read', 'a virtual host has its own');
like($t->get('/b/status')->body, qr/Apache Server Status/, 'SetHandler in a Location below');
is_outcome($t->get('/c/Patient/x'), 503, 'transient', qr/./, 'a tenant that is not there');
$t->expect_log(qr/FHIR0213: schema "nobody" cannot be used: .*fhirctl init/, qr/FHIR0202: answered 503/);
is($t->get('/c/metadata')->status, 200, 'and its CapabilityStatement');
$t->done;
