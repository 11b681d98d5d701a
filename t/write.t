#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# create, update, delete, patch: what is stored, what is refused, and the versions in between.
use strict;
use warnings;
use FHIR::Test;
use MIME::Base64 qw(encode_base64);
use JSON::PP qw(encode_json);
use Test::More;

my $t = FHIR::Test->new;
my $base = '/dev/r4';

sub patient {
    return { resourceType => 'Patient', name => [ { family => 'Chalmers' } ], @_ };
}

# ---- create ----

my $made = $t->post("$base/Patient", patient(gender => 'male'));
is $made->status, 201, 'a resource is created' or diag $made->body;
my ($id) = ($made->header('Location') // '') =~ m{^http://127\.0\.0\.1:\d+/dev/r4/Patient/([^/]+)/_history/1$};
ok $id, 'Location is the address of version 1';
is $made->header('ETag'), 'W/"1"', 'ETag is that of version 1';
ok $made->header('Last-Modified'), 'Last-Modified is given';
is $made->json->{id}, $id, 'the answer has the id';
is $made->json->{meta}{versionId}, '1', 'and the version';
my $read = $t->get("$base/Patient/$id");
is $read->status, 200, 'it can be read at once';
is_deeply $read->json, $made->json, 'and is what was answered';
is $t->get("$base/Patient?family=Chalmers")->json->{entry}[0]{resource}{id}, $id,
    'and found at once';

my $minimal = $t->post("$base/Patient", patient(),
    Prefer => 'return=minimal');
is $minimal->status . $minimal->body, '201', 'Prefer: return=minimal leaves the body out';
is $t->post("$base/Patient", patient(),
    Prefer => 'return=OperationOutcome')->json->{resourceType}, 'OperationOutcome',
    'Prefer: return=OperationOutcome';

is_outcome $t->post("$base/Patient", patient(id => 'mine')), 400, 'invalid',
    qr/id mine, which means.*PUT Patient\/mine.*FHIRCreateWithId/, 'a create with an id is refused';
is_outcome $t->post("$base/Observation", patient()), 422, 'invalid',
    qr/body is Patient.*Observation/, 'the type in the body must be that of the URL';
is_outcome $t->post("$base/Patient", patient(gender => 'm')), 422, 'code-invalid',
    qr/male/, 'a code outside of a required value set';
is_outcome $t->post("$base/Patient", patient(nom => 1)), 422, 'structure',
    qr/no element 'nom'/, 'an unknown element';
is $t->post("$base/Patient", patient(nom => 1))->json->{issue}[0]{expression}[0],
    'Patient.nom', 'the issue points at it';
is_outcome $t->post("$base/Patient", '{"resourceType":"Patient",',
    'Content-Type' => 'application/fhir+json'), 400, 'structure', qr/./,
    'text that is no JSON';
is_outcome $t->post("$base/Patient", 'x', 'Content-Type' => 'text/csv'),
    415, 'not-supported', qr/./, 'a body of another type';
is_outcome $t->post("$base/Patient", '',
    'Content-Type' => 'application/fhir+json'), 400, 'structure', qr/no body/,
    'no body';
is_outcome $t->post("$base/Observation", { resourceType => 'Observation',
    status => 'final', code => { text => 'x' }, subject => { reference => 'Patient/none' } }),
    422, 'not-found', qr{Patient/none}, 'a reference to what is not there';

# ---- conditional create ----

my $identifier = [ { system => 'urn:x', value => '1' } ];
my $first = $t->post("$base/Patient", patient(identifier => $identifier),
    'If-None-Exist' => 'identifier=urn:x|1');
is $first->status, 201, 'If-None-Exist creates what is not there';
my $second = $t->post("$base/Patient", patient(identifier => $identifier),
    'If-None-Exist' => 'identifier=urn:x|1');
is $second->status, 200, 'and leaves alone what is';
is $second->header('Location'), $first->header('Location'), 'whose address it answers';
$t->post("$base/Patient", patient(identifier => $identifier));
is_outcome $t->post("$base/Patient", patient(),
    'If-None-Exist' => 'identifier=urn:x|1'), 412, 'multiple-matches', qr/one/,
    'several matches are refused';
is_outcome $t->post("$base/Patient", patient(),
    'If-None-Exist' => 'shoe=1'), 400, 'not-supported', qr/shoe/,
    'a condition with an unknown parameter';
is_outcome $t->post("$base/Patient", patient(), 'If-None-Exist' => $_), 400, 'invalid', qr/empty value/,
    "a condition without a value: $_"
    for 'identifier=', 'birthdate=1970&identifier=';
is_outcome $t->post("$base/Patient", patient(), 'If-None-Exist' => $_), 412, 'conflict', qr/at least one/,
    "no condition: $_"
    for '_count=1', '_format=json';

# ---- update ----

is_outcome $t->put("$base/Patient/$id", patient(id => $id)), 428, 'required',
    qr/If-Match/, 'PUT needs If-Match';
is_outcome $t->put("$base/Patient/$id", patient(), 'If-Match' => 'W/"1"'),
    400, 'invalid', qr/no id/, 'PUT needs the id in the body';
is_outcome $t->put("$base/Patient/$id", patient(id => 'x'),
    'If-Match' => 'W/"1"'), 400, 'invalid', qr/id in the body is x; it must be $id/,
    'and the same as in the URL';
my $put = $t->put("$base/Patient/$id", patient(id => $id, gender => 'female'),
    'If-Match' => 'W/"1"');
is $put->status, 200, 'an update with the current version' or diag $put->body;
is $put->header('ETag'), 'W/"2"', 'makes the next one';
is_outcome $t->put("$base/Patient/$id", patient(id => $id),
    'If-Match' => 'W/"1"'), 412, 'conflict', qr/current version.* is 2/,
    'a stale version is refused, the current one named';
is $t->put("$base/Patient/$id", patient(id => $id), 'If-Match' => 'W/"1"')->header('ETag'), 'W/"2"', 'also as ETag';
is $t->put("$base/Patient/$id", patient(id => $id, gender => 'other'),
    'If-Match' => '"2"')->header('ETag'), 'W/"3"', 'the strong form is accepted';
is_outcome $t->put("$base/Patient/$id", patient(id => $id),
    'If-Match' => '3'), 400, 'invalid', qr/entity tag/, 'a bare number is not';
is $t->get("$base/Patient/$id/_history/$_")->json->{gender}, [qw(x male female other)]->[$_],
    "version $_ is kept" for 1 .. 3;
is $t->get("$base/Patient?gender=female&_id=$id")->json->{entry}, undef,
    'the search values are those of the current version';
is_outcome $t->put("$base/Patient/new", patient(id => 'new'),
    %$_), 405, 'not-supported', qr/no Patient\/new.*POST Patient.*FHIRUpdateCreate On/,
    'an unknown id, with ' . (join ': ', %$_)
    for {}, { 'If-Match' => 'W/"1"' }, { 'If-None-Match' => '*' };
# what is wrong with the body and with the version is told at once
for ([ [], qr/If-Match/ ], [ [ 'If-Match' => 'W/"77"' ], qr/version/ ]) {
    my ($headers, $text) = @$_;
    my $refused = $t->put("$base/Patient/$id", { %{ patient(id => $id) }, gender => 'none', birthDate => 'x' },
        @$headers);
    my @issues = @{ $refused->json->{issue} };
    is_deeply [ $refused->status, map { $_->{expression} ? $_->{expression}[0] : '' } @issues ],
        [ 422, 'Patient.birthDate', 'Patient.gender', '' ], 'all findings at once' or diag $refused->body;
    like $issues[-1]{diagnostics}, $text, 'the version among them';
}
is_outcome $t->put("$base/Patient/$id", patient(id => $id), 'If-Match' => '*'), 428, 'required',
    qr/\* names no version.*W\/"3"/, 'If-Match: * would overwrite what was not read';

is_outcome $t->post("$base/Patient", patient(), 'If-None-Exist' => 'identifier=urn:x|a+b'), 412, 'conflict',
    qr/does not match the condition .*%2B/, 'a create must meet its own condition';
is_outcome $t->post("$base/Patient", patient(), 'If-None-Exist' => 'Practitioner?identifier=urn:x|a'), 400, 'invalid',
    qr/another type than Patient/, 'which is a search of its own type';
is_outcome $t->put("$base/Patient?identifier=urn:x|k2",
    patient(identifier => [ { system => 'urn:x', value => 'k1' } ])), 412, 'conflict', qr/does not match/,
    'so must an update that creates';

# ---- patch ----

my %json_patch = ('Content-Type' => 'application/json-patch+json');
my $patched = $t->patch("$base/Patient/$id", '[{"op":"replace","path":"/gender","value":"unknown"}]',
    %json_patch);
is $patched->status, 200, 'a JSON Patch is applied' or diag $patched->body;
is $patched->json->{gender} . $patched->header('ETag'), 'unknownW/"4"', 'as the next version';
is_outcome $t->patch("$base/Patient/$id", '[{"op":"replace","path":"/gender","value":"x"}]',
    %json_patch), 422, 'code-invalid', qr/^((?!line \d).)*$/s,
    'its outcome is checked, and no line told of a text that nobody sent';
is_outcome $t->patch("$base/Patient/$id", '[{"op":"test","path":"/gender","value":"male"}]',
    %json_patch), 422, 'business-rule', qr/test/,
    'a test that fails';
is_outcome $t->patch("$base/Patient/$id", '[{"op":"replace","path":"/id","value":"y"}]',
    %json_patch), 400, 'invalid', qr/id/,
    'the id cannot be changed';
is_outcome $t->patch("$base/Patient/$id", '[]', %json_patch, 'If-Match' => 'W/"1"'),
    412, 'conflict', qr/./, 'a stale If-Match';
my $xml = $t->patch("$base/Patient/$id", '<diff xmlns:f="http://hl7.org/fhir">'
        . '<replace sel="f:Patient/f:gender/@value">male</replace></diff>',
    'Content-Type' => 'application/xml-patch+xml');
is $xml->status, 200, 'an XML Patch is applied' or diag $xml->body;
is $xml->json->{gender}, 'male', 'with its effect';
my $by_path_url = "$base/Patient/" . $t->post("$base/Patient", patient(gender => 'male'))->json->{id};
my @parts = map { { name => $_->[0], $_->[1] => $_->[2] } } [ type => valueCode => 'replace' ],
    [ path => valueString => 'Patient.gender' ], [ value => valueCode => 'other' ];
my %parameters = (resourceType => 'Parameters', parameter => [ { name => 'operation', part => \@parts } ]);
my $by_path = $t->patch($by_path_url, encode_json(\%parameters), 'Content-Type' => 'application/fhir+json');
is $by_path->status, 200, 'a FHIRPath Patch is applied' or diag $by_path->body;
is $by_path->json->{gender}, 'other', 'with its effect';
$parts[1]{valueString} = 'Patient.photo';
is_outcome $t->patch($by_path_url, encode_json(\%parameters), 'Content-Type' => 'application/fhir+json'),
    422, 'business-rule', qr/operation 0: the path Patient\.photo selects 0 elements/, 'or refused';
$by_path = $t->patch($by_path_url, '<Parameters xmlns="http://hl7.org/fhir"><parameter>'
        . '<name value="operation"/><part><name value="type"/><valueCode value="delete"/></part>'
        . '<part><name value="path"/><valueString value="Patient.gender"/></part></parameter></Parameters>',
    'Content-Type' => 'application/fhir+xml');
is $by_path->status, 200, 'also as XML' or diag $by_path->body;
ok !exists $by_path->json->{gender}, 'with its effect';
my $unknown = $t->patch("$base/Patient/$id", '[]', 'Content-Type' => 'application/json');
is_outcome $unknown, 415, 'not-supported', qr/json-patch/, 'a patch of another type';
like $unknown->header('Accept-Patch'), qr{^application/json-patch\+json, .*, application/fhir\+xml$},
    'Accept-Patch tells which there are';

# ---- conditional update ----

is $t->put("$base/Patient?identifier=urn:y|1",
    patient(identifier => [ { system => 'urn:y', value => '1' } ]))->status, 201,
    'a conditional update creates what is not there';
my @changed = ("$base/Patient?identifier=urn:y|1",
    patient(gender => 'male', identifier => [ { system => 'urn:y', value => '1' } ]));
is_outcome $t->put(@changed), 428, 'required', qr/If-Match.*FHIRRequireIfMatch/, 'what is there has a version to name';
my $conditional = $t->put(@changed, 'If-Match' => 'W/"1"', Prefer => 'return=minimal');
is $conditional->status . $conditional->header('ETag'), '200W/"2"', 'and is updated by it';
like $conditional->header('Location'), qr{/Patient/[^/]+/_history/2$}, 'Location tells which resource that was';
is_outcome $t->put("$base/Patient", patient()), 400, 'invalid', qr{PUT Patient/\[id\]}, 'neither id nor condition';
my $both = $t->post("$base/Patient", patient(id => 'x', gender => 'm'));
is $both->status . ' ' . join(' ', sort map { $_->{code} } @{ $both->json->{issue} }), '400 code-invalid invalid',
    'an id and another fault are reported together';
$both = $t->put("$base/Patient/$id", patient(gender => 'm'));
is_outcome $both, 400, 'invalid', qr/body has no id; it must be $id/, 'a body without an id';
is scalar @{ $both->json->{issue} }, 3, 'and its other fault';
my $part = $t->get("$base/Patient/$id?_elements=gender");
is_outcome $t->put("$base/Patient/$id", $part->json, 'If-Match' => $part->header('ETag')), 422, 'business-rule',
    qr/SUBSETTED.*Read the whole/, 'a part of a resource cannot be put back';
my %part = %{ $part->json };
my $new = { %part, identifier => [ { system => 'urn:part', value => '1' } ] };
delete $new->{id};
sub transaction { return $t->post($base, { resourceType => 'Bundle', type => 'transaction', entry => [@_] }) }
for my $way (
    [ 'created', sub { $t->post("$base/Patient", $new) } ],
    [ 'created by a condition',
        sub { $t->post("$base/Patient", $new, 'If-None-Exist' => 'identifier=urn:part|1') } ],
    [ 'put by a condition', sub { $t->put("$base/Patient?identifier=urn:part|1", $new) } ],
    [ 'created in a transaction', sub { transaction(FHIR::Test::entry(POST => 'Patient', $new)) } ],
    [ 'put in a transaction',
        sub { transaction(FHIR::Test::entry(PUT => "Patient/$id", \%part, ifMatch => $part->header('ETag'))) } ],
    )
{
    is_outcome $way->[1]->(), 422, 'business-rule', qr/SUBSETTED.*Read the whole/, "nor can it be $way->[0]";
}
is $t->get("$base/Patient?identifier=urn:part|1&_summary=count")->json->{total}, 0, 'nothing of it is stored';
for my $type (qw(SearchParameter StructureDefinition)) {
    my %rest = $type eq 'SearchParameter'
        ? (description => 'x', code => 'x', base => ['Patient'], type => 'token', expression => 'Patient.active')
        : (kind => 'resource', abstract => JSON::PP::false, type => 'Patient',
            baseDefinition => 'http://hl7.org/fhir/StructureDefinition/Patient',
            derivation => 'constraint', snapshot => { element => [ { id => 'Patient',
                    path => 'Patient', definition => 'x', min => 0, max => '*', base => { path => 'Patient', min => 0,
                        max => '*' } } ] });
    my $r = $t->post("$base/$type", { resourceType => $type, url => "http://example.org/$type", name => 'X',
            status => 'draft', %rest });
    is_outcome $r, 201, 'informational', qr/does not/, "a stored $type tells that it is not used";
}
is_outcome $t->post("$base/Bundle", { resourceType => 'Bundle', type => 'transaction' }), 201, 'informational',
    qr/not processed; POST it to \[base\]/, 'a transaction that is stored instead of processed';
is_outcome $t->post("$base/Subscription", { resourceType => 'Subscription' }), 404, 'not-supported', qr/not deliver/,
    'what would never be delivered is not served';
is_outcome $t->put("$base/Patient?identifier=urn:x|1", patient()), 412,
    'multiple-matches', qr/one/, 'several matches';

# ---- delete ----

is_outcome $t->delete("$base/Patient?identifier=urn:y|1"), 405, 'not-supported', qr/not enabled/,
    'conditional delete is off by default';
is $t->delete("$base/Patient/$id")->status, 204, 'a delete';
is_outcome $t->get("$base/Patient/$id"), 410, 'deleted', qr/deleted/, 'the resource is gone';
is $t->delete("$base/Patient/$id")->status, 204, 'deleting again changes nothing';
is $t->delete("$base/Patient/never")->status, 204, 'nor does deleting what never was';
is $t->get("$base/Patient?_id=$id")->json->{entry}, undef, 'it is not found any more';
is $t->get("$base/Patient/$id/_history/5")->json->{gender}, 'male', 'its versions are kept';
is_outcome $t->get("$base/Patient/$id/_history/6"), 410, 'deleted', qr/./,
    'the deletion is a version';
my $back = $t->put("$base/Patient/$id", patient(id => $id),
    'If-Match' => 'W/"6"');
is $back->status . $back->header('ETag'), '201W/"7"', 'an update brings it back';
is $t->psql("SELECT string_agg(version || method, ' ' ORDER BY version) FROM main.patient_history "
        . "WHERE id = '$id'"), '1C 2U 3U 4U 5U 6D', 'the history has each version once';

# ---- endpoints that do not write ----

is_outcome $t->post('/open/r4/Patient', patient()), 401, 'login', qr/token/,
    'without a token nothing is written';

$t->done;
