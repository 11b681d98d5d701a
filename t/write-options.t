#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Writes under the directives that relax them, conditional patch, delete and read, and what each kind
# of fault is answered with, as JSON and as XML.
use strict;
use warnings;
use FHIR::Test;
use Test::More;

my $t = FHIR::Test->new(endpoints => <<'CONF');
<Location "/dev/r4">
    FHIREndpoint R4 open
    FHIRTenant main
    FHIRInteractions all
    FHIRConditionalDelete multiple
    Require local
</Location>
<Location "/lax/r4">
    FHIREndpoint R4 open
    FHIRTenant main
    FHIRInteractions all
    FHIRCreateWithId ignore
    FHIRRequireIfMatch Off
    FHIRUpdateCreate On
    FHIRUpdateUnchanged ignore
    FHIRConditionalDelete single
    FHIRReferencesCheck Off
    Require local
</Location>
<Location "/version/r4">
    FHIREndpoint R4 open
    FHIRTenant main
    FHIRInteractions all
    FHIRRequireIfMatch Version
    Require local
</Location>
<Location "/ids/r4">
    FHIREndpoint R4 open
    FHIRTenant main
    FHIRInteractions all
    FHIRUpdateCreate On
    Require local
</Location>
CONF
my ($dev, $lax, $ids, $version) = ('/dev/r4', '/lax/r4', '/ids/r4', '/version/r4');

sub patient { return { resourceType => 'Patient', @_ } }
sub version { my ($r) = @_; return $r->json->{meta}{versionId} }
sub rows { return $t->psql('SELECT count(*) FROM main.patient') }

# ---- directives ----

my $r = $t->post("$lax/Patient", patient(id => 'mine'));
is $r->status, 201, 'FHIRCreateWithId ignore takes a body with an id';
isnt $r->json->{id}, 'mine', 'and gives its own';
$r = $t->put("$lax/Patient/chosen", patient(id => 'chosen'));
is $r->status, 201, 'FHIRUpdateCreate takes an id that was never used';
like $r->header('Location'), qr{/Patient/chosen/_history/1$}, 'as its first version';
$r = $t->put("$lax/Patient/chosen", patient(id => 'chosen', gender => 'male'));
is $r->status . version($r), '2002', 'FHIRRequireIfMatch Off takes an update without If-Match';
is $t->put("$lax/Patient/chosen", patient(id => 'chosen', gender => 'female'), 'If-Match' => 'W/"1"')->status, 412,
    'one that is given counts';
my @new = (patient(id => 'new'), 'If-None-Match' => '*');
is join(' ', map { $t->put("$lax/Patient/new", @new)->status } 1, 2), '201 412',
    'If-None-Match: * creates, and does not replace';
$r = $t->put("$lax/Patient/chosen", patient(id => 'chosen', gender => 'male'));
is $r->status . version($r), '2002', 'FHIRUpdateUnchanged ignore makes no version of nothing';
is scalar @{ $t->get("$lax/Patient/chosen/_history")->json->{entry} }, 2, 'in the history either';
my @as_json = ('Content-Type' => 'application/fhir+json');
$r = $t->put("$lax/Patient/chosen",
    qq({ "gender": "male",\n "meta": {"versionId": "1"}, "id": "chosen", "resourceType": "Patient" }), @as_json);
is $r->status . version($r), '2002', 'whatever the order of members and the white space';
$r = $t->put("$lax/Patient/chosen",
    '<Patient xmlns="http://hl7.org/fhir"><id value="chosen"/><gender value="male"/></Patient>',
    'Content-Type' => 'application/fhir+xml', Accept => 'application/fhir+json');
is $r->status . version($r), '2002', 'or the format';
$r = $t->patch("$lax/Patient/chosen", '[{"op":"replace","path":"/gender","value":"male"}]',
    'Content-Type' => 'application/json-patch+json');
is $r->status . version($r), '2002', 'nor does a patch of nothing';
my $digits = sub { return qq({"resourceType":"Observation","id":"digits","status":"final","code":{"text":"x"},)
    . qq("valueQuantity":{"value":$_[0]}}) };
is version($t->put("$lax/Observation/digits", $digits->($_), @as_json)), { '1.0' => 1, '1.00' => 2 }->{$_},
    "the digits of $_ are content"
    for '1.0', '1.00';
$r = $t->put("$lax/Patient/chosen", patient(id => 'chosen', gender => 'other'));
is $r->status . version($r), '2003', 'but of a change';
$r = $t->put("$lax/Patient?identifier=urn:x|9",
    patient(id => 'also-chosen', identifier => [ { system => 'urn:x', value => '9' } ]));
is $r->status . $r->json->{id}, '201also-chosen', 'a conditional update creates under the id of the body';
is $t->put("$dev/Patient?identifier=urn:x|8",
    patient(id => 'never', identifier => [ { system => 'urn:x', value => '8' } ]))->status, 405,
    'not where the server gives the ids';
is $t->put("$dev/Patient/never", patient(id => 'never'), @$_)->status, 405, 'nor by its id'
    for [], [ 'If-Match' => '*' ];

# FHIRRequireIfMatch Version: the resource is read, changed and sent back, as ordinary libraries do.
my $sent = $t->post("$version/Patient", patient())->json;
my $own = "$version/Patient/$sent->{id}";
$r = $t->put($own, { %$sent, gender => 'male' });
is $r->status . version($r), '2002', 'meta.versionId of the body names the version';
is_outcome $t->put($own, { %$sent, gender => 'other' }), 412, 'conflict',
    qr/meta\.versionId names version 1, but the current version .* is 2/, 'another one is stale';
$r->json->{meta}{versionId} = '1';
is $t->put($own, { %{ $r->json }, gender => 'other' }, 'If-Match' => 'W/"2"')->status, 200,
    'If-Match counts more than the body';
is_outcome $t->put($own, patient(id => $sent->{id})), 428, 'required', qr/If-Match.*or meta\.versionId/,
    'one of them is needed';
is_outcome $t->put($own, patient(id => $sent->{id}, meta => { versionId => 'x' })), 412, 'conflict',
    qr/names version x/, 'a foreign version';
is_outcome $t->put("$version/Patient?_id=$sent->{id}", patient(gender => 'female')), 428, 'required', qr/versionId/,
    'also for a conditional update';
is $t->put("$version/Patient?_id=$sent->{id}", patient(gender => 'female', meta => { versionId => '3' }))->status, 200,
    'which the body gives the version of, too';

# An id that was never used has no version that If-Match could name; one that was has.
is $t->put("$ids/Patient/own", patient(id => 'own'))->status, 201, 'FHIRUpdateCreate creates without If-Match';
is_outcome $t->put("$ids/Patient/own", patient(id => 'own')), 428, 'required', qr/If-Match/, 'but does not replace';
is $t->delete("$ids/Patient/own")->status, 204, 'a delete';
is_outcome $t->put("$ids/Patient/own", patient(id => 'own')), 428, 'required', qr/If-Match/, 'nor does it bring back';
my $gone = $t->get("$ids/Patient/own");
is $gone->status . $gone->header('ETag'), '410W/"2"', 'what is gone tells the version of its deletion';
$r = $t->put("$ids/Patient/own", patient(id => 'own'), 'If-Match' => $gone->header('ETag'));
is $r->status . version($r), '2013', 'by which it comes back';
is_outcome $t->put("$ids/Patient?identifier=urn:x|7",
    patient(id => 'own', identifier => [ { system => 'urn:x', value => '7' } ])),
    409, 'conflict', qr{Nothing matches.*Patient/own}, 'a conditional update does not replace what does not match';
my %dangling = (resourceType => 'Observation', status => 'final', code => { text => 'x' },
    subject => { reference => 'Patient/nobody' });
is $t->post("$lax/Observation", \%dangling)->status, 201, 'FHIRReferencesCheck Off stores what leads nowhere';
is_outcome $t->post("$dev/Observation", \%dangling), 422, 'not-found', qr/nobody/, 'On does not';

# ---- conditional delete and patch ----

for my $n (1 .. 3) {
    is $t->post("$dev/Patient", patient(gender => 'unknown',
            identifier => [ { system => 'urn:c', value => "$n" } ]))->status, 201, "one more, $n";
}
my $before = rows();
is $t->delete("$lax/Patient?identifier=urn:c|1,urn:c|2")->status, 412, 'FHIRConditionalDelete single refuses two';
is rows(), $before, 'and deletes none';
is $t->delete("$lax/Patient?identifier=urn:c|1")->status, 204, 'one it deletes';
is $t->delete("$lax/Patient?identifier=urn:c|1")->status, 204, 'none is nothing to do';
my @patch = ('[{"op":"replace","path":"/gender","value":"male"}]', 'Content-Type' => 'application/json-patch+json');
is $t->patch("$dev/Patient?identifier=urn:c|1", @patch)->status, 404, 'a conditional patch of none';
is $t->patch("$dev/Patient?identifier=urn:c|2,urn:c|3", @patch)->status, 412, 'of several';
$r = $t->patch("$dev/Patient?identifier=urn:c|2", @patch);
is $r->status . $r->json->{gender}, '200male', 'of one';
is $t->patch("$dev/Patient?identifier=urn:c|2", @patch, 'If-Match' => 'W/"1"')->status, 412, 'of one that has changed';
is $t->delete("$dev/Patient?identifier=urn:c|2,urn:c|3")->status, 204, 'FHIRConditionalDelete multiple deletes several';
is rows(), $before - 3, 'all of them';
is $t->delete("$dev/Patient")->status, 412, 'but nothing without a condition';
for my $query ('_format=json', '_count=1000', '_sort=_id&_pretty=true', '_summary=count', '_total=none') {
    my @condition = ('If-None-Exist' => $query);
    is $t->delete("$dev/Patient?$query")->status, 412, "nor with one that chooses nothing: $query";
    is $t->post("$dev/Patient", patient(), @condition)->status, 412, 'nor is anything created';
}
is_outcome $t->delete("$dev/Patient?identifer=x", Prefer => 'handling=lenient'), 400, 'not-supported', qr/identifer/,
    'a misspelt condition is none, whatever Prefer says';
is rows(), $before - 3, 'nothing of these was done';

# ---- conditional read ----

my $path = "$dev/Patient/chosen";
my $read = $t->get($path);
is $t->get($path, 'If-None-Match' => $read->header('ETag'))->status, 304, 'If-None-Match with what is current';
is $t->get($path, 'If-None-Match' => 'W/"1"')->status, 200, 'with what is not';
is $t->get($path, 'If-Modified-Since' => $read->header('Last-Modified'))->status, 304, 'If-Modified-Since';
is $t->get($path, 'If-Modified-Since' => 'Thu, 01 Jan 2015 00:00:00 GMT')->status, 200, 'long ago';

# ---- faults: name, issue, place, JSON, XML ----

my @xml = ('Content-Type' => 'application/fhir+xml', Accept => 'application/fhir+json');
my $obs = '"resourceType":"Observation","status":"final","code":{"text":"x"}';
my $obs_xml = '<status value="final"/><code><text value="x"/></code>';
for my $case (
    [ 'an unknown element', 'Patient', qr/^Patient/, '{"resourceType":"Patient","color":"red"}',
        '<color value="red"/>' ],
    [ 'another type', 'Patient', qr/^Patient\.active/, '{"resourceType":"Patient","active":"yes"}',
        '<active value="yes"/>' ],
    [ 'an element that is missing', 'Observation', qr/^Observation(\.code)?$/,
        '{"resourceType":"Observation","status":"final"}', '<status value="final"/>' ],
    [ 'one too many', 'Patient', qr/^Patient\.gender/, '{"resourceType":"Patient","gender":["male","male"]}',
        '<gender value="male"/><gender value="male"/>' ],
    [ 'two of a choice', 'Observation', qr/^Observation\.value/, "{$obs,\"valueString\":\"a\",\"valueBoolean\":true}",
        "$obs_xml<valueString value=\"a\"/><valueBoolean value=\"true\"/>" ],
    [ 'a date that is none', 'Patient', qr/^Patient\.birthDate$/, '{"resourceType":"Patient","birthDate":"2001-02-30"}',
        '<birthDate value="2001-02-30"/>' ],
    [ 'a code that is none of the set', 'Patient', qr/^Patient\.gender$/, '{"resourceType":"Patient","gender":"green"}',
        '<gender value="green"/>' ],
    [ 'a target of another type', 'Observation', qr/^Observation\.subject/,
        "{$obs,\"subject\":{\"reference\":\"Practitioner/1\"}}",
        "$obs_xml<subject><reference value=\"Practitioner/1\"/></subject>" ],
) {
    my ($name, $type, $place, $json, $xml) = @$case;
    for ([ JSON => $t->post("$dev/$type", $json, 'Content-Type' => 'application/fhir+json') ],
        [ XML => $t->post("$dev/$type", qq(<$type xmlns="http://hl7.org/fhir">\n$xml</$type>), @xml) ]) {
        my ($kind, $answer) = @$_;
        is $answer->status, 422, "$name, $kind" or diag $answer->body;
        my @issues = @{ $answer->json->{issue} || [] };
        ok scalar(grep { ($_->{expression}[0] // '') =~ $place } @issues), "$name, $kind: its place"
            or diag $answer->body;
        like $answer->body, qr/line \d+, column \d+/, "$name, $kind: its line" if $kind eq 'XML';
    }
}
is $t->post("$dev/Patient", '<Patient xmlns="http://hl7.org/fhir"><active', @xml)->status, 400, 'XML that is none';
is $t->post("$dev/Patient", '<Observation xmlns="http://hl7.org/fhir">' . $obs_xml . '</Observation>',
        @xml)->status, 422,
    'XML of another type than the URL';

# ---- DocumentReference, as US Core has it ----

my $about = $t->post("$dev/Patient", patient(name => [ { family => 'A' } ]))->json->{id};
my $document = { resourceType => 'DocumentReference', status => 'current',
    meta => { profile => ['http://hl7.org/fhir/us/core/StructureDefinition/us-core-documentreference'] },
    identifier => [ { system => 'urn:d', value => '1' } ],
    type => { coding => [ { system => 'http://loinc.org', code => '34133-9' } ] },
    category => [ { coding => [ { system => 'http://hl7.org/fhir/us/core/CodeSystem/us-core-documentreference-category',
        code => 'clinical-note' } ] } ],
    subject => { reference => "Patient/$about" }, date => '2024-05-06T07:08:09Z',
    content => [ { attachment => { contentType => 'text/plain', data => 'aGVsbG8=' },
        format => { system => 'http://ihe.net/fhir/ihe.formatcode.fhir/CodeSystem/formatcode',
            code => 'urn:ihe:iti:xds:2017:mimeTypeSufficient' } } ] };
$r = $t->post("$dev/DocumentReference", $document);
is $r->status, 201, 'a DocumentReference is created' or diag $r->body;
my $found = $t->get("$dev/DocumentReference?patient=$about&type=http://loinc.org|34133-9&category=clinical-note")->json;
is scalar @{ $found->{entry} || [] }, 1, 'and found';

# ---- a transaction: what is rewritten ----

my $entry = sub { my ($method, $url, $resource, %more) = @_;
    return { request => { method => $method, url => $url }, $resource ? (resource => $resource) : (), %more } };
$r = $t->post($dev, { resourceType => 'Bundle', type => 'transaction', entry => [
    $entry->(POST => 'DocumentReference',
        { %$document, subject => { reference => 'urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0' },
        content => [ { attachment => { url => 'urn:uuid:1c3151bd-1cbf-4d64-b04d-cd9187a4c6e0',
            title => 'urn:uuid:1c3151bd-1cbf-4d64-b04d-cd9187a4c6e0' } } ],
        extension => [ { url => 'http://example.org/e', valueUri => 'urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0' },
            { url => 'http://example.org/f', valueUuid => 'urn:uuid:1c3151bd-1cbf-4d64-b04d-cd9187a4c6e0' },
            { url => 'http://example.org/g', valueReference => { reference => "Patient?identifier=urn:x|9" } } ] }),
    $entry->(POST => 'Patient', patient(gender => 'male'), fullUrl => 'urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0'),
    $entry->(POST => 'Binary', { resourceType => 'Binary', contentType => 'text/plain', data => 'aGVsbG8=' },
        fullUrl => 'urn:uuid:1c3151bd-1cbf-4d64-b04d-cd9187a4c6e0'),
] });
is $r->status, 200, 'a transaction with references of all kinds' or diag $r->body;
my @at = map { $_->{response}{location} =~ m{/r4/(\w+/[^/]+)/_history} } @{ $r->json->{entry} };
my $stored = $t->get("$dev/$at[0]")->json;
is $stored->{subject}{reference}, $at[1], 'Reference.reference is rewritten';
is $stored->{content}[0]{attachment}{url}, $at[2], 'a url';
like $stored->{content}[0]{attachment}{title}, qr/^urn:uuid:1c/, 'not a string';
is $stored->{extension}[0]{valueUri}, $at[1], 'a uri in an extension';
like $stored->{extension}[1]{valueUuid}, qr/^urn:uuid:1c/, 'nor a uuid, which an address is not';
is $stored->{extension}[2]{valueReference}{reference}, 'Patient/also-chosen', 'a conditional reference in an extension';

$t->done;
