#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Writes in DSTU2's words: checked as DSTU2, stored as R4, with what DSTU2 cannot express kept; and the
# roles of practitioners, which come with them. Every answer is valid by HL7's schema of DSTU2.
use strict;
use utf8;
use warnings;
use FHIR::Test;
use FHIR::Test::System qw(run source_dir work_dir write_file);
use JSON::PP ();
use Test::More;

my $t = FHIR::Test->new(conf => <<'CONF');
<Location "/dev/dstu2">
    FHIREndpoint DSTU2 open
    FHIRTenant main
    FHIRInteractions all
    FHIRConditionalDelete Single
    Require local
</Location>
<Location "/dev/free">
    FHIREndpoint DSTU2 open
    FHIRTenant main
    FHIRInteractions read create update
    FHIRUpdateCreate On
    FHIRRequireIfMatch Off
    Require local
</Location>
<Location "/dev/reads">
    FHIREndpoint DSTU2 open
    FHIRTenant main
    FHIRStatementsOfOrders Off
    Require local
</Location>
CONF

my $NUCC = 'http://nucc.org/provider-taxonomy';
my $CLINICAL = 'http://terminology.hl7.org/CodeSystem/condition-clinical';
my %patient = (subject => { reference => 'Patient/p1' });
$t->load(
    { resourceType => 'Patient', id => 'p1', name => [ { family => 'Ärger', given => ['Ada'] } ] },
    { resourceType => 'Organization', id => 'org', name => 'Org' },
    { resourceType => 'Practitioner', id => 'pr1', name => [ { family => 'Doctor' } ] },
    { resourceType => 'Practitioner', id => 'pr2', name => [ { family => 'Other' } ] },
    (map { { resourceType => 'PractitionerRole', id => "role$_", practitioner => { reference => 'Practitioner/pr1' },
        active => $_ == 3 ? JSON::PP::false : JSON::PP::true, organization => { reference => 'Organization/org' },
        code => [ { text => "Role $_" } ], telecom => [ { system => 'phone', value => '1' } ],
        specialty => [ { coding => [ { system => $NUCC, code => '207Q00000X' } ] } ] } } 1 .. 3),
    { resourceType => 'CareTeam', id => 't1', status => 'active', %patient },
    { resourceType => 'MedicationRequest', id => 'm1', status => 'cancelled', intent => 'order', %patient,
        authoredOn => '2020-02-03', requester => { reference => 'Practitioner/pr1' },
        medicationCodeableConcept => { text => 'Aspirin' }, performerType => { text => 'nurse' },
        note => [ { text => 'first', time => '2020-01-01' }, { text => 'second' } ],
        dosageInstruction => [ { text => 'daily', patientInstruction => 'with water' } ] },
    { resourceType => 'Condition', id => 'd1', %patient, code => { text => 'x' },
        clinicalStatus => { coding => [ { system => $CLINICAL, code => 'inactive' } ] },
        recorder => { reference => 'Practitioner/pr1' } },
);

my $base = '/dev/dstu2';
my @FHIR = ('Content-Type' => 'application/json+fhir');
my $json = JSON::PP->new->utf8->canonical;
my @answers;    # in XML

sub stored { return $t->get("/dev/r4/$_[0]", Accept => 'application/fhir+json')->json }

# Reads a resource in both formats; the JSON one.
sub shown {
    my ($path) = @_;
    push @answers, [ $path, $t->get("$base/$path", Accept => 'application/xml+fhir')->body ];
    return $t->get("$base/$path")->json;
}
sub write_as { my ($method, $path, $what, %more) = @_;
    return $t->request($method, "$base/$path", content => ref $what ? $json->encode($what) : $what,
        headers => { @FHIR, %more }) }
sub place { return eval { $_[0]->json->{issue}[0]{location}[0] } // '' }

# ---- create ----

my %condition = (resourceType => 'Condition', patient => { reference => 'Patient/p1' },
    code => { text => 'flu' }, clinicalStatus => 'active', verificationStatus => 'confirmed', notes => 'a note',
    category => { coding => [ { system => 'http://argonaut.hl7.org', code => 'problem' } ] });
my $made = write_as('POST', 'Condition', \%condition);
is $made->status, 201, 'created';
my ($id) = ($made->header('location') // '') =~ m{^http://[^/]+$base/Condition/([^/]+)/_history/1$};
ok $id, 'Location is of this base';
is $made->header('etag'), 'W/"1"', 'ETag';
is $made->header('content-type'), 'application/json+fhir; charset=utf-8', 'the answer is DSTU2';
is_deeply [ @{ $made->json }{qw(clinicalStatus notes)} ], [ 'active', 'a note' ], 'and shows what was stored';
my $stored = stored("Condition/$id");
is_deeply [ $stored->{clinicalStatus}{coding}[0]{code}, $stored->{note}[0]{text}, $stored->{subject}{reference},
    $stored->{category}[0]{coding}[0]{code} ], [ 'active', 'a note', 'Patient/p1', 'problem-list-item' ],
    'which is R4';
is $t->get("/dev/r4/Condition?patient=p1&category=problem-list-item")->json->{total}, 1, 'and is found there';
is $t->get("$base/Condition?patient=p1&category=problem")->json->{total}, 1, 'and here';

# ---- two lists of R4 in one ----

$t->load({ resourceType => 'Condition', id => $_, subject => { reference => 'Patient/p1' }, code => { text => $_ } })
    for qw(x y z);
$t->load({ resourceType => 'Encounter', id => 'two', status => 'finished', subject => { reference => 'Patient/p1' },
    class => { system => 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code => 'AMB' },
    diagnosis => [ { condition => { reference => 'Condition/x' }, rank => 1 } ],
    reasonReference => [ { reference => 'Condition/y' } ] });
sub indicated { my ($version, @ids) = @_;
    my $encounter = shown('Encounter/two');
    $encounter->{indication} = [ map { { reference => "Condition/$_" } } @ids ];
    delete @$encounter{qw(indication extension)} unless @ids;
    is write_as('PUT', 'Encounter/two', $encounter, 'If-Match' => qq{W/"$version"})->status, 200, "indications: @ids";
    my $stored = stored('Encounter/two');
    is join(' ', sort map { $_->{reference} } @{ shown('Encounter/two')->{indication} || [] }),
        join(' ', map { "Condition/$_" } @ids), '  are shown, each once';
    return join ' ', (sort map { "$_->{condition}{reference} " . ($_->{rank} // '-') } @{ $stored->{diagnosis} || [] }),
        '/', map { $_->{reference} } @{ $stored->{reasonReference} || [] };
}
is indicated(1, qw(x y)), 'Condition/x 1 / Condition/y', '  unchanged: both lists stay';
is indicated(2, qw(x y z)), 'Condition/x 1 Condition/y - Condition/z - /', '  one more: all are diagnoses';
$t->load({ resourceType => 'Encounter', id => 'two', status => 'finished', subject => { reference => 'Patient/p1' },
    class => { system => 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code => 'AMB' },
    diagnosis => [ { condition => { reference => 'Condition/x' }, rank => 1 } ],
    reasonReference => [ { reference => 'Condition/y' } ] });
is indicated(4, 'x'), 'Condition/x 1 /', '  one of the second list less';
is indicated(5), '/', '  none';

# ---- more of create ----

my $xml = '<Patient xmlns="http://hl7.org/fhir"><name><family value="Two"/><family value="Names"/></name>'
    . '<careProvider><reference value="http://127.0.0.1:' . $t->httpd->{port} . $base
    . '/Practitioner/pr1"/></careProvider></Patient>';
$made = $t->post("$base/Patient", $xml, 'Content-Type' => 'application/xml+fhir', Accept => 'application/xml+fhir');
is $made->status, 201, 'created from XML';
push @answers, [ 'create from XML', $made->body ];
($id) = $made->header('location') =~ m{/Patient/([^/]+)/};
is stored("Patient/$id")->{name}[0]{family}, 'Two Names', 'family names are one';
is stored("Patient/$id")->{generalPractitioner}[0]{reference}, 'Practitioner/pr1',
    'a link into this base is a reference';
is $t->get("$base/Patient?careprovider=pr1")->json->{total}, 1, 'and is found';

is write_as('POST', 'Patient', { resourceType => 'Patient', name => [ { family => ['X'],
    fhir_comments => [ 'a comment' ] } ] })->status, 201, 'comments are dropped';
like write_as('POST', 'CarePlan', '{"resourceType":"CarePlan","status":"proposed","subject":{"display":"x"}}')->body,
    qr/^\{"resourceType":"CarePlan","id".*"status":"proposed"/, 'what R4 has no place for goes behind the type';
is_outcome write_as('POST', 'Patient', { resourceType => 'Patient', id => 'mine' }), 400, 'invalid',
    qr/remove the element id/, 'with an id';

# ---- what is refused ----

my %bad = (
    'a member that DSTU2 has not' => [ { %condition, recorder => { reference => 'Practitioner/pr1' } }, 422,
        qr{^/f:Condition\b}, qr/recorder/ ],
    'a code that DSTU2 has not' => [ { %condition, verificationStatus => 'unconfirmed' }, 422,
        qr{^/f:Condition/f:verificationStatus}, qr/unconfirmed/ ],
    'what R4 requires' => [ { %condition, clinicalStatus => 'active', abatementDateTime => '2020' },
        422, qr{^/f:Condition}, qr/in the FHIR R4 form that is stored/ ],
    'another type' => [ { resourceType => 'Patient' }, 422, qr{^/f:Patient}, qr/body is Patient/ ],
    'R4 itself' => [ { resourceType => 'Condition', %patient, recordedDate => '2020' }, 422, qr{^/f:Condition},
        qr/The body is FHIR R4 .Condition., which the R4 base accepts/ ],
    'too little, which R4 accepts' => [ { resourceType => 'Condition', patient => { reference => 'Patient/p1' },
        verificationStatus => 'confirmed' }, 422, qr{^/f:Condition$}, qr/'code' of Condition is missing .line/ ],
    'a choice' => [ { %condition, onsetDateTime => 'soon' }, 422, qr{^/f:Condition/f:onsetDateTime$}, qr/soon/ ],
    'part of a choice' => [ { %condition, onsetQuantity => { value => '7' } }, 422,
        qr{^/f:Condition/f:onsetQuantity/f:value$}, qr/decimal/ ],
    "R4's type with errors" => [ { resourceType => "MedicationRequest" }, 422, qr{},
        qr/DSTU2, which has MedicationOrder for it; the R4 base has it/ ],
    'a reference that leads nowhere' => [ { %condition, patient => { reference => 'Patient/nobody' } }, 422, qr{},
        qr{Patient/nobody} ],
);
for my $what (sort keys %bad) {
    my ($body, $status, $place, $text) = @{ $bad{$what} };
    my $answer = write_as('POST', 'Condition', $body);
    is $answer->status, $status, "$what: $status" or diag $answer->body;
    like place($answer), $place, "$what: its place";
    like $answer->body, $text, "$what: says why";
}
my $order = write_as('POST', 'MedicationOrder', { resourceType => 'MedicationRequest', status => 'active',
    intent => 'order', %patient, medicationCodeableConcept => { text => 'm' } });
is_outcome $order, 422, 'structure', qr/is FHIR R4 .MedicationRequest., which the R4 base accepts/, "R4's type";
my $immunization = write_as('POST', 'Immunization', { resourceType => 'Immunization', status => 'in-progress',
    date => '2020', vaccineCode => { text => 'v' }, patient => { reference => 'Patient/p1' },
    wasNotGiven => JSON::PP::false, reported => JSON::PP::false });
is_outcome $immunization, 422, 'code-invalid', qr/requires status/, 'a status that R4 has not';
is place($immunization), '/f:Immunization/f:status', 'its place';
is_outcome $t->get("$base/MedicationRequest"), 404, 'not-supported', qr/R4 base/, 'no such type here';

# ---- update ----

my $read = shown('MedicationOrder/m1');
is $read->{status}, 'stopped', 'an order that was cancelled';
is_outcome write_as('PUT', 'MedicationOrder/m1', $read), 412, 'required', qr/If-Match/, 'without If-Match: 412';
is_outcome write_as('PUT', 'MedicationOrder/m1', $read, 'If-Match' => 'W/"7"'), 409, 'conflict', qr/version 7/,
    'a stale one: 409';
my %wanted = %$read;
delete @wanted{qw(extension _status)};    # as old apps do
$wanted{dateWritten} = '2020-02-04';
my $answer = write_as('PUT', 'MedicationOrder/m1', \%wanted, 'If-Match' => 'W/"1"');
is $answer->status, 200, 'updated' or diag $answer->body;
like $answer->header('location'), qr{$base/MedicationOrder/m1/_history/2$}, "Location has DSTU2's type";
$stored = stored('MedicationRequest/m1');
is $stored->{authoredOn}, '2020-02-04', 'what was changed';
is_deeply [ $stored->{status}, $stored->{performerType}{text}, $stored->{dosageInstruction}[0]{patientInstruction},
    scalar @{ $stored->{note} }, $stored->{note}[0]{time} ], [ 'cancelled', 'nurse', 'with water', 2, '2020-01-01' ],
    'and what DSTU2 cannot express stays';
$read = shown('MedicationOrder/m1');
$read->{status} = 'completed';
is write_as('PUT', 'MedicationOrder/m1', $read, 'If-Match' => 'W/"2"')->status, 200, 'a status that is changed';
is stored('MedicationRequest/m1')->{status}, 'completed', 'is stored';
is_outcome write_as('PUT', 'MedicationOrder/m1', { %$read, id => 'm2' }, 'If-Match' => 'W/"3"'), 400, 'invalid',
    qr/must be m1/, 'another id';
my $history = shown('MedicationOrder/m1/_history');
is_deeply [ map { "$_->{request}{method} $_->{request}{url}" } @{ $history->{entry} } ],
    [ ('PUT MedicationOrder/m1') x 2, 'POST MedicationOrder' ], 'history';

my $condition = shown('Condition/d1');
is $condition->{clinicalStatus}, 'resolved', 'inactive is shown as resolved';
is write_as('PUT', 'Condition/d1', { %$condition, notes => 'new' }, 'If-Match' => 'W/"1"')->status, 200, 'changed';
is_deeply [ stored('Condition/d1')->{clinicalStatus}{coding}[0]{code}, stored('Condition/d1')->{recorder}{reference} ],
    [ 'inactive', 'Practitioner/pr1' ], 'it still is inactive, and was recorded by somebody';

# no version is demanded: what came between is merged with
my $free = sub { my ($path, $body) = @_;
    return $t->put("/dev/free/$path", $json->encode($body), @FHIR) };
is $free->('Condition/d1', { %{ shown('Condition/d1') }, notes => 'newer' })->status, 200, 'without If-Match';
is stored('Condition/d1')->{clinicalStatus}{coding}[0]{code}, 'inactive', 'merged';
is $free->('Patient/own', { resourceType => 'Patient', id => 'own' })->status, 201, 'update as create';
is $free->('Patient/none', { resourceType => 'Patient', id => 'other' })->status, 400, 'but not with another id';
is_outcome write_as('PUT', 'Patient/none', { resourceType => 'Patient', id => 'none' }), 405, 'not-supported',
    qr/assigns the ids/, 'elsewhere not at all';

# ---- what other resources are shown as ----

for my $path (qw(CarePlan/ct-t1 MedicationStatement/mr-m1)) {
    my ($type, $name) = split m{/}, $path;
    is_outcome write_as('PUT', $path, { resourceType => $type, id => $name }, 'If-Match' => 'W/"1"'), 405,
        'not-supported', qr/is made from/, "$path cannot be written";
    is_outcome $t->delete("$base/$path"), 405, 'not-supported', qr/R4 base/, "nor deleted";
}

# ---- what is not shown so ----

$t->load((map { { resourceType => 'MedicationRequest', id => "m-$_", status => 'active', intent => $_, %patient,
    medicationCodeableConcept => { text => 'x' } } } qw(plan proposal option original-order)),
    { resourceType => 'MedicationRequest', id => 'm-never', status => 'active', intent => 'order', %patient,
        doNotPerform => JSON::PP::true, medicationCodeableConcept => { text => 'x' } });
is join(' ', sort $t->get("$base/MedicationOrder?patient=p1")->ids), 'm-never m-original-order m1',
    'plans, proposals and options are no orders';
is_deeply [ map { $t->get("$base/MedicationOrder/m-$_")->status } qw(plan proposal option original-order) ],
    [ 404, 404, 404, 200 ], 'nor read as such';
is join(' ', sort $t->get("$base/MedicationStatement?patient=p1")->ids), 'mr-m-original-order mr-m-plan mr-m1',
    'statements are made of what is taken';
is $t->get("$base/MedicationStatement/mr-m-never")->status, 404, 'not of what must not be';
is join(' ', $t->get("/dev/reads/MedicationStatement?patient=p1")->ids), '', 'FHIRStatementsOfOrders Off: of none';
is $t->get('/dev/reads/MedicationStatement/mr-m1')->status, 404, 'nor by its id';

# ---- roles of practitioners ----

my $doctor = shown('Practitioner/pr1');
is_deeply [ map { $_->{role}{text} } @{ $doctor->{practitionerRole} } ], [ 'Role 1', 'Role 2' ],
    'the roles of a practitioner, without one that is not active';
is $doctor->{practitionerRole}[0]{managingOrganization}{reference}, 'Organization/org', 'their organization';
is $doctor->{practitionerRole}[0]{specialty}[0]{coding}[0]{code}, '207Q00000X', 'their specialty';
ok !$doctor->{practitionerRole}[0]{extension}, 'and nothing of R4';
ok !shown('Practitioner/pr2')->{practitionerRole}, 'one without roles';
my %roles = map { $_->{id} => scalar @{ $_->{practitionerRole} || [] } } $t->get("$base/Practitioner")->resources;
is_deeply \%roles, { pr1 => 2, pr2 => 0 }, 'on a page, too';
is_deeply [ map { $_->{practitionerRole} ? 1 : 0 } map { $_->{resource} } @{
    shown('Practitioner/pr1/_history')->{entry} } ], [0], 'histories are of the resource alone';
$doctor->{gender} = 'female';
$answer = write_as('PUT', 'Practitioner/pr1', $doctor, 'If-Match' => 'W/"1"');
is $answer->status, 200, 'written with its roles as they were' or diag $answer->body;
is scalar @{ $answer->json->{practitionerRole} }, 2, 'and shown with them';
ok !exists stored('Practitioner/pr1')->{practitionerRole}, 'which are not stored twice';
$doctor->{practitionerRole}[0]{role}{text} = 'Head';
$answer = write_as('PUT', 'Practitioner/pr1', $doctor, 'If-Match' => 'W/"2"');
is_outcome $answer, 422, 'business-rule', qr/Roles of a practitioner/, 'roles cannot be changed';
is place($answer), '/f:Practitioner/f:practitionerRole', 'at their place';
is_outcome write_as('POST', 'Practitioner', { resourceType => 'Practitioner', name => { family => ['New'] },
    practitionerRole => [ { role => { text => 'x' } } ] }), 422, 'business-rule', qr/Roles/, 'nor created';

# ---- what a display stands for ----

$t->load({ resourceType => 'Encounter', id => 'e1', status => 'finished', %patient, class => { code => 'AMB' },
        participant => [ { individual => { reference => 'PractitionerRole/role1' } } ] },
    { resourceType => 'MedicationRequest', id => 'plan', status => 'active', intent => 'plan', %patient,
        medicationCodeableConcept => { text => 'Aspirin' } },
    { resourceType => 'List', id => 'list', status => 'current', mode => 'working', %patient,
        entry => [ map { { item => { reference => "MedicationRequest/$_" } } } qw(plan m1) ] });
my %change = ('Encounter/e1' => [ 'status', 'planned' ], 'List/list' => [ 'title', 'new' ]);
for my $path (sort keys %change) {
    my ($before, $seen) = (stored($path), shown($path));
    my ($name, $value) = @{ $change{$path} };
    $seen->{$name} = $before->{$name} = $value;
    is write_as('PUT', $path, $seen, 'If-Match' => 'W/"1"')->status, 200, "$path: updated";
    my $after = stored($path);
    delete $_->{meta} for $before, $after;
    is_deeply $after, $before, '  and names the role or the plan, which the client did not see';
}
is_deeply [ map { $_->{item}{reference} // $_->{item}{display} } @{ write_as('POST', '', { resourceType => 'Bundle',
    type => 'batch', entry => [ entry(GET => 'List/list') ] })->json->{entry}[0]{resource}{entry} } ],
    [ 'MedicationRequest', 'MedicationOrder/m1' ], 'a plan is shown so in a batch, too';

# ---- a code that stands for a concept ----

# A display, a text, and further codings are of the old code; they must not stay beside the new one.
my $VERIFICATION = 'http://terminology.hl7.org/CodeSystem/condition-ver-status';
my $ALLERGY = 'http://terminology.hl7.org/CodeSystem/allergyintolerance';
sub concept {
    my ($system, $code) = @_;
    return { text => "text of $code", coding => [ { system => $system, code => $code, display => "display of $code" },
        { system => 'urn:local', code => "L-$code" } ] };
}
my $codes = 0;
for ([ Condition => { verificationStatus => 'provisional' }, { verificationStatus => { coding =>
            [ { system => $VERIFICATION, code => 'unconfirmed' } ] } } ],
    [ Condition => { verificationStatus => 'entered-in-error' }, { verificationStatus => { coding =>
            [ { system => $VERIFICATION, code => 'entered-in-error' } ] }, clinicalStatus => undef } ],
    [ Condition => { clinicalStatus => 'remission' },
        { clinicalStatus => { coding => [ { system => $CLINICAL, code => 'remission' } ] } } ],
    [ Condition => { notes => 'nothing else' }, { clinicalStatus => concept($CLINICAL, 'active'),
            verificationStatus => concept($VERIFICATION, 'confirmed') } ],
    [ AllergyIntolerance => { status => 'resolved' }, { clinicalStatus => { coding =>
            [ { system => "$ALLERGY-clinical", code => 'resolved' } ] } } ],
    [ AllergyIntolerance => { status => 'entered-in-error' }, { clinicalStatus => undef,
            verificationStatus => {
                coding => [ { system => "$ALLERGY-verification", code => 'entered-in-error' } ] } } ],
    [ Encounter => { class => 'inpatient' }, { class => { code => 'IMP',
            system => 'http://terminology.hl7.org/CodeSystem/v3-ActCode' } } ]) {
    my ($type, $change, $due) = @$_;
    my $name = (%$change)[0];
    my $about = { reference => 'Patient/p1' };
    for my $bare (0, 1) {
        my $id = 'code' . ++$codes;
        my %own = (resourceType => $type, id => $id);
        $t->load($type eq 'Encounter' ? { %own, status => 'finished', subject => $about, class => {
                system => 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code => 'AMB', display => 'ambulatory' } }
            : $type eq 'Condition' ? { %own, subject => $about, code => { text => 'x' },
                clinicalStatus => concept($CLINICAL, 'active'),
                verificationStatus => concept($VERIFICATION, 'confirmed') }
            : { %own, patient => $about, code => { text => 'x' },
                clinicalStatus => concept("$ALLERGY-clinical", 'active'),
                verificationStatus => concept("$ALLERGY-verification", 'confirmed') });
        my $seen = $t->get("$base/$type/$id")->json;
        delete $seen->{extension} if $bare;
        my $answer = write_as('PUT', "$type/$id", { %$seen, %$change }, 'If-Match' => 'W/"1"');
        is $answer->status, 200, "$type.$name" . ($bare ? ', extensions left out' : '') or diag $answer->body;
        my $now = stored("$type/$id");
        is_deeply { map { $_ => $now->{$_} } keys %$due }, $due, '  is stored without the words of another code';
    }
}

# ---- links ----

my $host = 'http://127.0.0.1:' . $t->httpd->{port};
$t->load({ resourceType => 'Observation', id => 'linked', status => 'final', code => { text => 'x' },
    subject => { reference => "$host/dev/r4/Patient/p1" },
    performer => [ { reference => "$host/dev/r4/PractitionerRole/role1" },
        { reference => 'http://elsewhere/dev/r4/Practitioner/1' } ],
    hasMember => [ { reference => "$host/dev/r4/MolecularSequence/1" } ] });
my $linked = shown('Observation/linked');
is $linked->{subject}{reference}, "$host$base/Patient/p1", 'a link into the R4 base is one into this';
is_deeply [ map { $_->{reference} } @{ $linked->{performer} } ],
    [ "$host$base/Practitioner/pr1", 'http://elsewhere/dev/r4/Practitioner/1' ],
    'a role is its practitioner; other servers are left alone';
unlike $json->encode($linked), qr{/dev/r4/(?!Practitioner/1")}, 'nothing leads into the R4 base';
$linked->{comments} = 'new';
is write_as('PUT', 'Observation/linked', $linked, 'If-Match' => 'W/"1"')->status, 200, 'written back';
is stored('Observation/linked')->{subject}{reference}, "$host/dev/r4/Patient/p1", 'as it was stored';

# ---- conditions ----

my %new = (resourceType => 'Patient', identifier => [ { system => 'urn:x', value => '9' } ]);
my @if = ('If-None-Exist' => 'identifier=urn:x|9');
is write_as('POST', 'Patient', \%new, @if)->status, 201, 'conditional create';
is write_as('POST', 'Patient', \%new, @if)->status, 200, 'the second finds it';
is_outcome write_as('POST', 'Condition', \%condition, 'If-None-Exist' => 'clinical-status=active'), 400,
    'not-supported', qr/clinical-status/, "R4's names are no condition";
my $found = $t->get("$base/Patient?identifier=urn:x|9");
my ($nine) = $found->resources;
$answer = write_as('PUT', 'Patient?identifier=urn:x%7C9', { %new, gender => 'male' }, 'If-Match' => 'W/"1"');
is $answer->status, 200, 'conditional update' or diag $answer->body;
like $answer->header('location'), qr{Patient/\Q$nine->{id}\E/_history/2}, 'of the one';
is_outcome write_as('PUT', 'Patient?family=arger,two', \%new, 'If-Match' => 'W/"1"'), 412, 'duplicate',
    qr/matches/, 'several';
is $t->delete("$base/Patient?identifier=urn:x%7C9")->status, 204, 'conditional delete';
is $t->get("$base/Patient/$nine->{id}")->status, 410, 'gone';
is write_as('PUT', "Patient/$nine->{id}", { %new, id => $nine->{id} }, 'If-Match' => 'W/"3"')->status, 201,
    'and back';
is_outcome $t->delete("$base/MedicationOrder?colour=red"), 400, 'not-supported', qr/colour/,
    'a condition is never ignored';

# ---- a batch ----

my $batch = { resourceType => 'Bundle', type => 'batch', entry => [
    entry(GET => 'MedicationOrder/m1'), entry(GET => 'MedicationStatement/mr-m1'),
    entry(POST => 'Condition', \%condition), entry(GET => 'Patient/nobody'),
    entry(GET => 'Condition?patient=p1&category=problem'), entry(POST => 'Condition', { resourceType => 'Condition' }),
    entry(PUT => 'Condition/d1', { %{ shown('Condition/d1') }, notes => 'of a batch' }, ifMatch => 'W/"3"'),
] };
$answer = write_as('POST', '', $batch);
is $answer->status, 200, 'a batch' or diag $answer->body;
my $result = $answer->json;
is $result->{type}, 'batch-response', 'is answered by a Bundle';
my @got = @{ $result->{entry} };
is_deeply [ map { substr $_->{response}{status}, 0, 3 } @got ], [ qw(200 200 201 404 200 422 200) ], 'status of each';
is_deeply [ map { $_->{resource} ? $_->{resource}{resourceType} : '-' } @got ],
    [ qw(MedicationOrder MedicationStatement - OperationOutcome Bundle OperationOutcome -) ], 'what is told of each';
is_deeply [ grep { $_->{resource} && !$_->{fullUrl} } @got ], [], 'bdl-6: each resource has a fullUrl';
is_deeply [ grep { $_->{response}{outcome} } @got ], [], 'there is no response.outcome';
is $got[1]{fullUrl}, $t->url("$base/MedicationStatement/mr-m1"), 'which is that of the resource';
like $got[2]{response}{location}, qr{/Condition/\w}, 'a location';
my $batch_xml = $t->post("$base/", $json->encode($batch), @FHIR, Accept => 'application/xml+fhir');
push @answers, [ 'batch', $batch_xml->body ];
is_outcome write_as('POST', '', { %$batch, type => 'transaction' }), 405, 'not-supported', qr/transaction/,
    'no transaction';

# ---- Binary ----

$made = $t->post("$base/Binary", "a\0b", 'Content-Type' => 'application/pdf');
is $made->status, 201, 'a Binary from its bytes' or diag $made->body;
($id) = $made->header('location') =~ m{/Binary/([^/]+)/};
is stored("Binary/$id")->{data}, 'YQBi', 'is stored';
is $t->get("$base/Binary/$id", Accept => 'application/json+fhir')->json->{content}, 'YQBi', 'and shown';
is_outcome $t->post("$base/Binary", 'x', 'Content-Type' => 'application/pdf', 'X-Security-Context' => 'Patient/p1'),
    400, 'invalid', qr/security context/, 'a security context has no place in it';

# ---- what is told ----

my ($rest) = @{ shown('metadata')->{rest} };
my %of = map { $_->{type} => $_ } @{ $rest->{resource} };
is_deeply [ map { $_->{code} } @{ $of{Condition}{interaction} } ],
    [ qw(read vread history-instance history-type search-type create update delete) ], 'interactions';
is_deeply [ @{ $of{Condition} }{qw(conditionalCreate conditionalUpdate conditionalDelete)} ],
    [ JSON::PP::true, JSON::PP::true, 'single' ], 'conditional ones';
is $rest->{transactionMode}, 'batch', 'batches';
is_outcome $t->post('/dev/reads/Patient', $json->encode({ resourceType => 'Patient' }), @FHIR), 405, 'not-supported',
    qr/allowed/, 'nothing is written where that was not opened';
is_outcome $t->patch("$base/Patient/p1", '[]', 'Content-Type' => 'application/json-patch+json'), 405, 'not-supported',
    qr/PATCH/, 'no patch';

# ---- by HL7's schema ----

my $xsd = source_dir() . '/../shared/fhir/dstu2/xsd/fhir-single.xsd';
SKIP: {
    skip 'the shared FHIR data is not beside the source tree', 1 unless -e $xsd;
    my @files = map { write_file(work_dir() . "/answer$_.xml", $answers[$_][1]) } 0 .. $#answers;
    my $schema = run({}, 'xmllint', '--noout', '--schema', $xsd, @files);
    is_deeply [ grep { /error/ } split /\n/, $schema->{err} ], [],
        scalar(@files) . " answers are valid by HL7's schema";
}
$t->done;
