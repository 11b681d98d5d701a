#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# The previous API over the stored R4 records: types, reads, versions, histories, searches and their
# links, errors, formats. Every answer is valid by HL7's schema of DSTU2.
use strict;
use utf8;
use warnings;
use FHIR::Test;
use FHIR::Test::System qw(read_file run source_dir work_dir write_file);
use JSON::PP ();
use Test::More;

my $t = FHIR::Test->new(conf => <<'CONF');
<Location "/dev/dstu2">
    FHIREndpoint DSTU2 open
    FHIRTenant main
    FHIRInteractions read vread search history operation
    Require local
</Location>
CONF

my $zoned = $t->second(conf => <<'CONF');
FHIRTimeZone America/New_York
<Location "/dev/dstu2">
    FHIREndpoint DSTU2 open
    FHIRTenant main
    Require local
</Location>
CONF

my $sample = $t->fhirctl('sample', '--patients', 2, '--as-of', '2026-11-20');
my $file = write_file(work_dir() . '/sample.ndjson', $sample->{out});
my $R4 = 'http://terminology.hl7.org/CodeSystem';
my %patient = (subject => { reference => 'Patient/p1' });
my %shown = (subject => { reference => 'Patient/p3' });
sub document {
    my ($id, $name, $value) = @_;
    return { resourceType => 'DocumentReference', id => $id, status => 'current', %shown, type => { text => 't' },
        date => '2020-01-01T00:00:00Z', content => [ { attachment => { contentType => 'text/plain',
            url => 'Binary/b1', $name => $value } } ] };
}
sub report { my ($id, %dates) = @_; return { resourceType => 'DiagnosticReport', id => $id, status => 'final', %shown,
        code => { text => 'r' }, %dates } }
sub coded { my ($system, $code) = @_; return { coding => [ { system => "$R4/$system", code => $code } ] } }
$t->load(
    $file,
    { resourceType => 'Patient', id => 'p1', name => [ { family => 'Ärger', given => ['Ada'] } ],
        gender => 'female', birthDate => '1970-01-02', identifier => [ { system => 'urn:x', value => '17' } ] },
    { resourceType => 'Practitioner', id => 'pr1', name => [ { family => 'Doctor' } ] },
    { resourceType => 'PractitionerRole', id => 'role1', practitioner => { reference => 'Practitioner/pr1' },
        specialty => [ { coding => [ { system => 'http://nucc.org/provider-taxonomy', code => '207Q00000X' } ] } ] },
    { resourceType => 'Encounter', id => 'e1', status => 'triaged', %patient,
        class => { system => "$R4/v3-ActCode", code => 'AMB' },
        participant => [ { individual => { reference => 'PractitionerRole/role1' } } ] },
    { resourceType => 'CareTeam', id => 't1', status => 'inactive', %patient, name => 'Team',
        participant => [ { role => [ { text => 'r' } ], member => { reference => 'PractitionerRole/role1' } } ] },
    { resourceType => 'CarePlan', id => 'c1', status => 'on-hold', intent => 'plan', %patient,
        careTeam => [ { reference => 'CareTeam/t1' } ],
        category => [ { coding => [ { code => 'assess-plan',
            system => 'http://hl7.org/fhir/us/core/CodeSystem/careplan-category' } ] } ] },
    { resourceType => 'MedicationRequest', id => 'm1', status => 'cancelled', intent => 'order', %patient,
        authoredOn => '2020-02-03', requester => { reference => 'Practitioner/pr1' },
        medicationReference => { reference => 'Medication/med1' } },
    { resourceType => 'MedicationStatement', id => 's1', status => 'not-taken', %patient,
        medicationReference => { reference => 'Medication/med1' } },
    { resourceType => 'Medication', id => 'med1', code => { text => 'Aspirin' } },
    { resourceType => 'Condition', id => 'd1', %patient, clinicalStatus => coded('condition-clinical', 'inactive'),
        category => [ coded('condition-category', 'encounter-diagnosis'),
            coded('condition-category', 'problem-list-item') ], code => { text => 'x' } },
    { resourceType => 'Observation', id => 'o1', status => 'corrected', %patient, effectiveDateTime => '2021-01-01',
        code => { coding => [ { system => 'http://loinc.org', code => '85354-9' } ] },
        category => [ coded('observation-category', 'vital-signs') ] },
    { resourceType => 'Observation', id => 'o2', status => 'final', %patient, effectiveDateTime => '2020-01-01',
        code => { text => 'y' }, category => [ coded('observation-category', 'laboratory') ] },
    { resourceType => 'AllergyIntolerance', id => 'a1', patient => $patient{subject}, code => { text => 'z' },
        clinicalStatus => coded('allergyintolerance-clinical', 'active'),
        verificationStatus => coded('allergyintolerance-verification', 'confirmed') },
    { resourceType => 'AllergyIntolerance', id => 'a2', patient => $patient{subject}, code => { text => 'z' },
        clinicalStatus => coded('allergyintolerance-clinical', 'active') },
    { resourceType => 'Goal', id => 'g1', lifecycleStatus => 'completed', %patient, description => { text => 'g' },
        achievementStatus => coded('goal-achievement', 'not-achieved') },
    { resourceType => 'Immunization', id => 'i1', status => 'not-done', patient => $patient{subject},
        vaccineCode => { text => 'v' }, occurrenceDateTime => '2020',
        statusReason => { coding => [ { system => 'urn:y', code => 'no' } ] } },
    { resourceType => 'Provenance', id => 'v1', recorded => '2020-01-01T00:00:00Z',
        target => [ { reference => 'MedicationRequest/m1' } ],
        agent => [ { who => { reference => 'Practitioner/pr1' } } ] },
    { resourceType => 'Patient', id => 'p2' },
    # an id that is too long with a prefix
    { resourceType => 'Patient', id => 'p5' },
    (map { { resourceType => 'CareTeam', id => 't' x $_, status => 'active',
        subject => { reference => 'Patient/p5' } } } 61, 62),
    { resourceType => 'Provenance', id => 'v5', recorded => '2020-01-01T00:00:00Z',
        target => [ map { { reference => 'CareTeam/' . 't' x $_, display => "Team of $_" } } 61, 62 ],
        agent => [ { who => { reference => 'Practitioner/pr1' } } ] },
    # what Argonaut wants to be supported, and the samples do not say
    { resourceType => 'DiagnosticReport', id => 'r1', status => 'final',
        subject => { reference => 'Patient/p2' }, code => { text => 'r' },
        category => [ coded('v2-0074', 'LAB') ], effectiveDateTime => '2020-01-01', issued => '2020-01-01T00:00:00Z',
        performer => [ { reference => 'Practitioner/pr1' } ], media => [ { link => { reference => 'Media/x' } } ],
        result => [ { reference => 'Observation/o2' } ], presentedForm => [ { contentType => 'text/plain' } ] },
    { resourceType => 'DocumentReference', id => 'doc1', status => 'current',
        subject => { reference => 'Patient/p2' }, type => { text => 't' },
        identifier => [ { system => 'urn:x', value => 'd' } ], date => '2020-01-01T00:00:00Z',
        content => [ { attachment => { contentType => 'text/plain', url => 'Binary/b1', creation => '2019-01-01' },
            format => { system => 'urn:f', code => 'f' } } ], context => { period => { start => '2019' } } },
    { resourceType => 'MedicationStatement', id => 's2', status => 'active',
        subject => { reference => 'Patient/p2' }, dateAsserted => '2020',
        medicationReference => { reference => 'Medication/med1' }, effectivePeriod => { start => '2020' } },
    { resourceType => 'Observation', id => 'o4', status => 'final', subject => { reference => 'Patient/p2' },
        effectiveDateTime => '2022', code => { text => 'panel' },
        category => [ coded('observation-category', 'vital-signs') ],
        hasMember => [ { reference => 'Observation/o1' } ], dataAbsentReason => coded('data-absent-reason', 'masked'),
        component => [ { code => { text => 'c' }, dataAbsentReason => coded('data-absent-reason', 'error') } ] },
    # a plan of a medication is no MedicationOrder: what names it shows its display
    { resourceType => 'Patient', id => 'p4' },
    (map { { resourceType => 'MedicationRequest', id => "plan$_", status => 'active', intent => 'plan',
        subject => { reference => 'Patient/p4' }, medicationReference => { reference => 'Medication/med1' },
        basedOn => [ map { { reference => "MedicationRequest/$_" } } 'm1', 'plan1' ] } } 1, 2),
    { resourceType => 'MedicationRequest', id => 'm4', status => 'active', intent => 'order',
        subject => { reference => 'Patient/p4' }, medicationReference => { reference => 'Medication/med1' },
        priorPrescription => { reference => 'MedicationRequest/plan1' },
        basedOn => [ map { { reference => "MedicationRequest/$_" } } 'plan2', 'm1' ] },
    { resourceType => 'Provenance', id => 'v4', recorded => '2020-01-01T00:00:00Z',
        target => [ map { { reference => $_ } } 'MedicationRequest/plan1', 'MedicationRequest/m4',
            'MedicationRequest/plan2/_history/1', 'MedicationRequest/none' ],
        agent => [ { who => { reference => 'Practitioner/pr1' } } ],
        entity => [ { role => 'source', what => { reference => 'MedicationRequest/plan1', display => 'The plan' } } ] },
    { resourceType => 'List', id => 'list4', status => 'current', mode => 'working',
        subject => { reference => 'Patient/p4' }, entry => [ map { { item => { reference => $_ } } }
            'MedicationRequest/plan1', 'MedicationRequest/m4', 'Encounter/e1' ] },
    { resourceType => 'Binary', id => 'b1', contentType => 'text/plain', data => 'YWJj' },
    # what searches have to know of: a status that DSTU2 has not, what is entered in error, places, lengths
    { resourceType => 'Encounter', id => 'e2', status => 'unknown', subject => { reference => 'Patient/p2' },
        class => { system => "$R4/v3-ActCode", code => 'AMB' }, basedOn => [ { reference => 'ServiceRequest/sr1' } ],
        length => { value => 30, unit => 'min', system => 'http://unitsofmeasure.org', code => 'min' } },
    { resourceType => 'Encounter', id => 'e3', status => 'entered-in-error', subject => { reference => 'Patient/p2' },
        class => { system => "$R4/v3-ActCode", code => 'AMB' } },
    { resourceType => 'MedicationRequest', id => 'm2', status => 'unknown', intent => 'order',
        subject => { reference => 'Patient/p2' }, medicationReference => { reference => 'Medication/med1' } },
    { resourceType => 'AllergyIntolerance', id => 'a3', patient => { reference => 'Patient/p2' },
        code => { text => 'z' }, verificationStatus => coded('allergyintolerance-verification', 'entered-in-error') },
    { resourceType => 'AllergyIntolerance', id => 'a4', patient => { reference => 'Patient/p2' },
        code => { text => 'z' } },
    { resourceType => 'Location', id => 'l1', position => { latitude => 42, longitude => -83 } },
    { resourceType => 'Observation', id => 'o5', status => 'final', subject => { reference => 'Patient/p2' },
        code => { coding => [ { system => 'http://loinc.org', code => '2708-6' } ] },
        valueQuantity => { value => 97, unit => '%', system => 'http://unitsofmeasure.org', code => '%' } },
    { resourceType => 'Observation', id => 'o6', status => 'final', subject => { reference => 'Patient/p2' },
        code => { coding => [ { system => 'http://loinc.org', code => '72166-2' } ] },
        valueCodeableConcept => { coding => [ { system => "$R4/v3-NullFlavor", code => 'UNK' } ] } },
    { resourceType => 'DocumentReference', id => 'doc2', status => 'current', subject => { reference => 'Patient/p2' },
        type => { text => 't' }, content => [ { attachment => { contentType => 'text/plain', url => 'Binary/b1' } } ],
        context => { related => [ { identifier => { system => 'urn:x', value => 'rel' } } ] } },
    { resourceType => 'Provenance', id => 'v2', recorded => '2020-01-01T00:00:00Z',
        target => [ { reference => 'Patient/p2' } ], agent => [ { who => { reference => 'Practitioner/pr1' } } ],
        entity => [ { role => 'source', what => { reference => 'MedicationRequest/m1' } } ] },
    { resourceType => 'Observation', id => 'o7', status => 'final', subject => { reference => 'Patient/p2' },
        code => { coding => [ { system => 'http://loinc.org', code => '48767-8' } ] }, valueString => 'Well slept',
        encounter => { reference => 'Encounter/e1' } },
    { resourceType => 'Observation', id => 'o8', status => 'final', subject => { reference => 'Patient/p2' },
        code => { coding => [ { system => 'http://loinc.org', code => '8665-2' } ] },
        valueDateTime => '2024-05-06' },
    { resourceType => 'Observation', id => 'o9', status => 'final', subject => { reference => 'Patient/p2' },
        code => { text => 'panel' }, component => [ {
            code => { coding => [ { system => 'http://loinc.org', code => '85353-1' } ] },
            valueCodeableConcept => { coding => [ { system => "$R4/v3-NullFlavor", code => 'UNK' } ] } } ] },
    # dates that R4 has no parameter for, and those that are shown from other elements
    { resourceType => 'Patient', id => 'p3' },
    { resourceType => 'Device', id => 'dev1', patient => { reference => 'Patient/p3' },
        udiCarrier => [ { carrierHRF => '(01)00844588003288(17)141120', deviceIdentifier => '00844588003288' } ] },
    { resourceType => 'Goal', id => 'g2', lifecycleStatus => 'active', %shown, description => { text => 'g' },
        statusDate => '2020-05-06' },
    { resourceType => 'Goal', id => 'g3', lifecycleStatus => 'active', %shown, description => { text => 'g' },
        statusDate => '2020-05', startDate => '2019-01-01', target => [ { dueDate => '2021-01-01' } ] },
    { resourceType => 'Goal', id => 'g4', lifecycleStatus => 'active', %shown, description => { text => 'g' } },
    document('doc3', 'creation', '2019-03-31T23:30:00-01:00'), document('doc4', 'creation', '2019-04'),
    document('doc5', 'title', 'no date'),
    { %{ document('doc6', 'creation', '2019-04') }, extension => [ { valueDateTime => '2018-02-03',
        url => 'http://hl7.org/fhir/1.0/StructureDefinition/extension-DocumentReference.created' } ] },
    report('r2', issued => '2020-03-04T05:06:07Z'), report('r3', effectiveDateTime => '2020-03-05T05:06:07.5+01:00'),
    report('r4', effectiveDateTime => '2020-03-06'), report('r5'),
    report('r6', effectivePeriod => { start => '2020-03-07T01:00:00Z', end => '2020-03-08T01:00:00Z' }),
    report('r7', effectiveDateTime => '2020-03-09T01:00:00Z', issued => '2020-03-10T00:00:00Z'),
    { resourceType => 'Observation', id => 'o3', status => 'final', code => { text => 'device' },
        device => { reference => 'DeviceMetric/x' } },
);

my $base = '/dev/dstu2';
my @answers;    # in XML

# Gets an answer in both formats; the JSON one.
sub both {
    my ($path) = @_;
    my $xml = $t->get("$base/$path", Accept => 'application/xml+fhir');
    push @answers, [ $path, $xml->body ] if $xml->body =~ /^<\?xml/;
    is $xml->header('content-type'), 'application/xml+fhir; charset=utf-8', "$path: XML" if $xml->status < 400;
    return $t->get("$base/$path");
}
sub ids_of { my ($path) = @_; return join ' ', sort grep { defined } both($path)->ids }

# ---- Conformance ----

my $conformance = both('metadata')->json;
is "$conformance->{resourceType} $conformance->{fhirVersion}", 'Conformance 1.0.2', 'metadata is a Conformance';
my %declared = map { $_->{type} => $_ } @{ $conformance->{rest}[0]{resource} };
my @types = sort keys %declared;
is scalar @types, 29, 'types';
ok !$declared{MedicationRequest} && !$declared{CareTeam}, 'none of R4';
is_deeply [ map { $_->{code} } @{ $declared{Patient}{interaction} } ],
    [qw(read vread history-instance history-type search-type)], 'interactions that are offered';

# ---- every type ----

my $R4_WORDS = qr{CodeSystem/v[23]-|"reference":"(?:MedicationRequest|CareTeam|PractitionerRole|ServiceRequest)/};
my %seen;
for my $type (@types) {
    my $answer = both("$type?_count=10");
    is $answer->status, 200, "$type: search";
    is $answer->header('content-type'), 'application/json+fhir; charset=utf-8', "$type: as DSTU2";
    my ($first) = $answer->resources;
    unlike $answer->body, $R4_WORDS, "$type: no words of R4";
    next unless $first;
    $seen{$type} = 1;
    is $first->{resourceType}, $type, "$type: its own";
    my $id = $first->{id};
    my $read = both("$type/$id");
    is_deeply $read->json, $first, "$type: read as searched" unless $type eq 'Binary';
    like $read->header('etag') // '', qr/^W\/"\d+(?:-raw)?"$/, "$type: ETag";
    is both("$type/$id/_history/$first->{meta}{versionId}")->status, 200, "$type: version" unless $type eq 'Binary';
    my $history = both("$type/$id/_history")->json;
    is "$history->{type} $history->{entry}[0]{request}{method}", 'history POST', "$type: history";
    ok !$history->{entry}[0]{response}, "$type: without responses (bdl-4)";
    like $history->{entry}[0]{fullUrl}, qr{$base/$type/\Q$id\E$}, "$type: of this base";
}
cmp_ok scalar keys %seen, '>', 22, 'types that there are resources of';

# All pages of all types: what they refer to is there. Each target is asked for once, a hundred at a time.
my (%pages, %references, %there);
for my $search (@types, 'CarePlan?category=careteam') {
    my ($type, $next) = ($search =~ /^(\w+)/, "$base/$search" . ($search =~ /[?]/ ? '&' : '?') . '_count=1000');
    while ($next) {
        my $page = $t->get($next);
        $next = $page->body =~ /"relation":"next","url":"([^"]+)"/ ? $1 : undef;
        push @{ $pages{$type} }, $page->body;
    }
    for (@{ $pages{$type} }) {
        $references{$1}{$2}++ while m{"(?:reference|url)":"(?:http://[^"]+$base/)?([A-Z]\w+)/([^"#?/]+)[^"]*"}g;
        $there{"$type/$1"} = 1 while m{"fullUrl":"[^"]*/([^"/]+)"}g;
    }
}
my ($n_references, $n_targets, @broken) = (0, 0);
for my $type (sort keys %references) {
    my @ids = sort keys %{ $references{$type} };
    $n_references += $_ for values %{ $references{$type} };
    $n_targets += @ids;
    my @ask = grep { !$there{"$type/$_"} } @ids;
    while (my @some = splice @ask, 0, 100) {
        my %found = map { ($_ // '') => 1 } $t->get("$base/$type?_count=1000&_id=" . join ',', @some)->ids;
        push @broken, map { "$type/$_" } grep { !$found{$_} } @some;
    }
}
is_deeply \@broken, ['MedicationOrder/none'], "$n_references references to $n_targets resources lead to something";
cmp_ok $n_references, '>', 10000, '  of the whole sample';

# ---- what is shown in part ----

sub targets { my ($r) = @_; return join ' ', map { $_->{reference} // "($_->{display})" } @{ $r->{target} } }
my $shown = '(MedicationRequest) MedicationOrder/m4 (MedicationRequest) MedicationOrder/none';
is targets($_), $shown, 'a plan of a medication is shown by a display'
    for both('Provenance/v4')->json, both('Provenance/v4/_history/1')->json,
    map { my $path = $_; grep { $_->{id} eq 'v4' } both($path)->resources }
        qw(Provenance/v4/_history Provenance?_id=v4 Provenance/_history?_count=5
        MedicationOrder?_id=m4&_revinclude=Provenance:target);
my $of_plan = $t->get("$base/Provenance/v4")->json->{entity}[0];
ok !$of_plan->{reference}, 'nor by a link';
unlike $t->get("$base/$_")->body, qr{(?:MedicationRequest|MedicationOrder)/plan}, "$_: nowhere" for 'Provenance/v4',
    'MedicationOrder/m4', 'MedicationStatement/mr-m4', 'List/list4', 'List?_id=list4&_include=List:item',
    'MedicationOrder?_id=m4,m1', 'MedicationStatement/mr-plan1', 'Provenance?_id=v4&_include=Provenance:target';
is_deeply [ map { $_->{item}{reference} // $_->{item}{display} } @{ both('List/list4')->json->{entry} } ],
    [qw(MedicationRequest MedicationOrder/m4 Encounter/e1)], 'in a list';
is ids_of($_->[0]), $_->[1], "$_->[0]: a chain leads to what is shown"
    for ['Provenance?_id=v4&target:MedicationOrder.status=active' => 'v4'],
    ['List?item:MedicationOrder._id=plan1' => ''], ['List?item:MedicationOrder._id=m4' => 'list4'],
    ['List?item:MedicationOrder.medication._id=med1' => 'list4'];
# A statement for a page, and none where nothing refers to such: without the table, each says that it failed.
{
    my $failed = qr/FHIR0580: targets of references/;
    $t->psql('ALTER TABLE main.medicationrequest RENAME TO away');
    my $before = () = $t->log_text =~ /$failed/g;
    is $t->get("$base/$_")->status, 200, "$_ without the table" for 'Patient?_count=50', 'Provenance/v2', 'List/list4',
        'Provenance?_count=1000', 'Encounter/e1';
    my $after = () = $t->log_text =~ /$failed/g;
    is $after - $before, 3, 'one statement for each page that needs it';
    like $t->get("$base/List/list4")->body, qr{MedicationOrder/plan1}, 'where nothing can be looked up, links stay';
    $t->expect_log($failed);
    $t->psql('ALTER TABLE main.away RENAME TO medicationrequest');
    unlike $t->get("$base/List/list4")->body, qr{MedicationOrder/plan1}, 'and go again';
}

# ---- what one type is in the other ----

is ids_of('CarePlan?patient=p1'), 'c1', 'care plans';
is ids_of('CarePlan?patient=p1&category=careteam'), 'ct-t1', 'care teams are care plans when they are asked for';
is ids_of('CarePlan?patient=Patient/p1&category=http://argonaut.hl7.org|careteam'), 'ct-t1', 'with the system';
is ids_of('CarePlan?patient=p1&category=assess-plan'), 'c1', 'assessment and plan';
is ids_of('CarePlan?patient=p1&category=http://argonaut.hl7.org|assess-plan'), 'c1', "in Argonaut's words";
is ids_of('CarePlan?_id=ct-t1'), 'ct-t1', 'a team by its id';
is both('CarePlan/ct-t1')->json->{participant}[0]{member}{reference}, 'Practitioner/pr1', 'a role is its practitioner';
is both('CarePlan/ct-none')->status, 404, 'no such team';
{
    my $path = 'CarePlan?patient=p5&category=careteam';
    my ($team, $long) = map { 'ct-' . 't' x $_ } 61, 62;
    is ids_of($path), $team, 'a team whose id has no room for the prefix is not found';
    is both("$path&_summary=count")->json->{total}, 1, 'nor counted';
    is both("CarePlan/$team")->json->{id}, $team, 'the longest id that has';
    is both("CarePlan/$long")->status, 404, 'nor read';
    is_deeply both('Provenance/v5')->json->{target},
        [ { reference => "CarePlan/$team", display => 'Team of 61' }, { display => 'Team of 62' } ],
        'a reference to it is a display';
    is $t->get('/dev/r4/CareTeam?patient=p5&_summary=count')->json->{total}, 2, 'R4 has both';
}
is ids_of('MedicationOrder?patient=p1'), 'm1', 'orders';
is ids_of('MedicationStatement?patient=p1'), 'mr-m1 s1', 'statements, and those of orders';
is both('MedicationStatement/mr-m1')->json->{dateAsserted}, '2020-02-03', 'one of an order';
is ids_of('MedicationStatement?_id=mr-m1,s1'), 'mr-m1 s1', 'by their ids';
is ids_of('MedicationStatement?patient=p1&status=completed'), 'mr-m1 s1', 'by status';
is $t->get("$base/MedicationRequest/m1")->status, 404, "R4's type is not served";
like $t->get("$base/MedicationRequest/m1")->body, qr/the R4 base has it/, 'and that is told';

# ---- searches ----

my %found = (
    'Patient?family=arger' => 'p1', 'Patient?name=ada&gender=female' => 'p1', 'Patient?identifier=17' => 'p1',
    'Patient?identifier=urn:x|17' => 'p1', 'Patient?_id=p1' => 'p1', 'Patient?family:exact=arger' => '',
    'Condition?patient=p1&clinicalstatus=resolved' => 'd1', 'Condition?patient=p1&clinicalStatus=resolved' => 'd1',
    'Condition?patient=p1&clinicalstatus=active' => '', 'Condition?patient=p1&category=problem' => 'd1',
    'Condition?patient=p1&category=diagnosis' => 'd1', 'Condition?patient=p1&category=health-concern' => '',
    'Condition?patient=p1&category=http://hl7.org/fhir/condition-category|diagnosis' => 'd1',
    'Condition?patient=p1&clinicalstatus:not=resolved' => '', 'Condition?patient=p1&clinicalstatus:not=active' => 'd1',
    'Observation?patient=p1&category=http://hl7.org/fhir/observation-category|laboratory' => 'o2',
    'Observation?patient=p1&code=55284-4' => 'o1', 'Observation?patient=p1&code=http://loinc.org|55284-4' => 'o1',
    'Observation?patient=p1&status=amended' => 'o1', 'Observation?subject:Patient=p1&date=2020' => 'o2',
    'Observation?subject=Patient/p1&date=ge2021' => 'o1', 'Observation?patient.identifier=17' => 'o1 o2',
    'Observation?patient.family=arger&category=laboratory' => 'o2',
    'Observation?patient=p1&date=gt2019&date=lt2021' => 'o2',
    'AllergyIntolerance?patient=p1&status=confirmed' => 'a1', 'AllergyIntolerance?patient=p1&status=active' => 'a2',
    'AllergyIntolerance?patient=p1&status=active,confirmed' => 'a1 a2',
    'AllergyIntolerance?patient=p1&status:not=active' => 'a1', 'AllergyIntolerance?patient=p1&status=resolved' => '',
    'Goal?patient=p1&status=cancelled' => 'g1', 'Goal?patient=p1&status=achieved' => '',
    'Immunization?patient=p1&notgiven=true' => 'i1', 'Immunization?patient=p1&notgiven=false' => '',
    'Immunization?patient=p1&reason-not-given=urn:y|no' => 'i1', 'Immunization?patient=p1&reason=urn:y|no' => '',
    'Immunization?patient=p1&status=completed' => 'i1',
    'MedicationOrder?patient=p1&datewritten=2020-02' => 'm1', 'MedicationOrder?prescriber=pr1' => 'm1',
    'MedicationOrder?patient=p1&status=stopped' => 'm1', 'MedicationOrder?prescriber.family=doctor' => 'm1',
    'MedicationOrder?medication=Medication/med1' => 'm1 m2 m4',
    'Practitioner?specialty=207Q00000X&family=doctor' => 'pr1', 'Practitioner?specialty=none' => '',
    'Encounter?patient=p1&status=arrived' => 'e1', 'CarePlan?patient=p1&status=active' => 'c1',
    'CarePlan?patient=p1&status=completed&category=careteam' => 'ct-t1', 'CarePlan?patient=p1&status=cancelled' => '',
    'Provenance?target=MedicationOrder/m1' => 'v1', 'Medication?_id=med1&code:text=aspirin' => 'med1',
    # what is shown without a value is missing, and has no code
    'Encounter?patient=p2&status:missing=true' => 'e2', 'Encounter?patient=p2&status:missing=false' => '',
    'Encounter?patient=p2&status=unknown' => '', 'Encounter?patient=p2&status:not=finished' => 'e2',
    'MedicationOrder?patient=p2&status:missing=true' => 'm2', 'MedicationOrder?patient=p1&status:missing=false' => 'm1',
    'MedicationStatement?patient=p2&status:missing=true' => 'mr-m2',
    'MedicationStatement?patient=p2&status:missing=false' => 's2',
    'AllergyIntolerance?patient=p2&status:missing=true' => 'a4',
    'AllergyIntolerance?patient=p2&status:missing=false' => 'a3',
    'AllergyIntolerance?patient=p2&status=entered-in-error' => 'a3',
    # what is entered in error and would be shown as cancelled
    'Encounter?patient=p2' => 'e2', 'Encounter?patient=p2&status=cancelled' => '',
    # values of another kind in R4
    'Encounter?patient=p2&length=30' => 'e2', 'Encounter?patient=p2&length=gt30' => '',
    'Encounter?patient=p2&length=lt31,gt50' => 'e2', 'Encounter?incomingreferral=ReferralRequest/sr1' => 'e2',
    'Location?near=42.01:-83' => 'l1', 'Location?near=42.01:-83&near-distance=le5|km' => 'l1',
    'Location?near=42.5:-83&near-distance=le5||km' => '', 'Location?near=42.5:-83&near-distance=100|km' => 'l1',
    'DocumentReference?related-id=rel' => 'doc2', 'DocumentReference?related-id=urn:x|rel' => 'doc2',
    'DocumentReference?related-id=urn:y|rel' => '',
    'Provenance?entity=MedicationOrder/m1' => 'v2', 'Provenance?entity=MedicationOrder/m2' => '',
    'Observation?patient=p2&code-value-quantity=59408-5$gt90' => 'o5',
    'Observation?patient=p2&code-value-quantity=59408-5$gt90||%25' => 'o5',
    'Observation?patient=p2&code-value-quantity=59408-5$lt90' => '',
    'Observation?patient=p2&code-value-quantity=http://loinc.org|59408-5$97' => 'o5',
    'Observation?patient=p2&code-value-concept=72166-2$http://hl7.org/fhir/v3/NullFlavor|UNK' => 'o6',
    'Observation?patient=p2&component-code-value-quantity=59408-5$gt90' => '',
    'Observation?patient=p2&code-value-string=48767-8$well' => 'o7',
    'Observation?patient=p2&code-value-string=http://loinc.org|48767-8$well' => 'o7',
    'Observation?patient=p2&code-value-string=48767-8$badly' => '',
    'Observation?patient=p2&code-value-string=8665-2$well' => '',
    'Observation?patient=p2&code-value-date=8665-2$2024-05' => 'o8',
    'Observation?patient=p2&code-value-date=http://loinc.org|8665-2$ge2024-05-06' => 'o8',
    'Observation?patient=p2&code-value-date=8665-2$gt2024-05-06' => '',
    'Observation?patient=p2&component-code-value-concept=85353-1$UNK' => 'o9',
    'Observation?patient=p2&component-code-value-concept=8716-3$http://hl7.org/fhir/v3/NullFlavor|UNK' => 'o9',
    'Observation?patient=p2&component-code-value-concept=8716-3$http://hl7.org/fhir/v3/NullFlavor|NI' => '',
    'Observation?patient=p2&component-code-value-concept=72166-2$UNK' => '',
    # shown from another element (doc2)
    'DocumentReference?patient=p2&indexed=ge2000' => 'doc1 doc2',
    'DocumentReference?patient=p2&indexed=2020' => 'doc1', 'DocumentReference?patient=p2&indexed=ge2026' => 'doc2',
    'DocumentReference?patient=p2&indexed:missing=true' => '',
    'DocumentReference?patient=p2&indexed:missing=false' => 'doc1 doc2',
    'DiagnosticReport?patient=p3&date=2020-03' => 'r2 r3 r4 r6 r7',
    'DiagnosticReport?patient=p3&date=2020-03-04' => 'r2',
    'DiagnosticReport?patient=p3&date=2020-03-10' => '', 'DiagnosticReport?patient=p3&date:missing=true' => 'r5',
    'DiagnosticReport?patient=p3&date:missing=false' => 'r2 r3 r4 r6 r7',
    'DiagnosticReport?patient=p3&issued=2020' => 'r2 r3 r7', 'DiagnosticReport?patient=p3&issued=ge2026' => 'r4 r5 r6',
    'DiagnosticReport?patient=p3&issued=2020-03-09,2020-03-05T04:06' => 'r3',
    'DiagnosticReport?patient=p3&issued=ne2020' => 'r4 r5 r6', 'DiagnosticReport?patient=p3&issued:missing=true' => '',
    'Observation?patient=p2&encounter.date=2020' => '',
    # dates without a parameter in R4: of several places the first
    'DocumentReference?patient=p3&created=2019' => 'doc3 doc4',
    'DocumentReference?patient=p3&created=2019-04' => 'doc3 doc4',
    'DocumentReference?patient=p3&created=2019-04-01' => 'doc3',
    'DocumentReference?patient=p3&created=lt2019' => 'doc6',
    'DocumentReference?patient=p3&created=2018-02-03,2019-04-01T00:30' => 'doc3 doc6',
    'DocumentReference?patient=p3&created=ne2019' => 'doc6',
    'DocumentReference?patient=p3&created=sa2018' => 'doc3 doc4',
    'DocumentReference?patient=p3&created=ge2019-04-15' => 'doc4',
    'DocumentReference?patient=p3&created=eb2019' => 'doc6',
    'DocumentReference?patient=p3&created:missing=true' => 'doc5',
    'DocumentReference?patient=p3&created:missing=false' => 'doc3 doc4 doc6',
    'Goal?patient=p3&date=2020-05-06' => 'g2', 'Goal?patient=p3&date=2020-05' => 'g2 g3',
    'Goal?patient=p3&date=2021,2019' => 'g3', 'Goal?patient=p3&date:missing=true' => 'g4',
    'Goal?patient=p3&date:missing=false' => 'g2 g3', 'Provenance?target:Goal.date=2020' => '',
    # both are of one element of R4
    'DocumentReference?patient=p2&related-id:missing=false' => 'doc2',
    'DocumentReference?patient=p2&related-id:missing=true' => 'doc1',
    'DocumentReference?patient=p2&related-ref:missing=false' => '',
    'DocumentReference?patient=p2&related-ref:missing=true' => 'doc1 doc2',
    # punctuation alone is looked for in what is written
    'Device?patient=p3&udi=(' => 'dev1', 'Device?patient=p3&udi=((' => '', 'Device?patient=p3&udi=(01' => 'dev1',
    'Device?patient=p3&udi=%5C,,)' => '',
    # a chain has the values of DSTU2 at its end
    'Observation?encounter.status=arrived' => 'o7', 'Observation?encounter.status=finished&patient=p2' => '',
    'Observation?encounter.status:not=arrived&patient=p2' => '',
    'Observation?encounter.status:not=finished&patient=p2' => 'o7',
    'Observation?encounter.status:missing=false&patient=p2' => 'o7', 'Observation?encounter.status:missing=true' => '',
    'Observation?encounter:Encounter._id=e1' => 'o7', 'Observation?encounter.patient=Patient/p1&patient=p2' => 'o7',
    'Observation?encounter.patient.identifier=17&patient=p2' => 'o7',
    'Observation?encounter.patient:Patient.identifier=17&patient=p2' => 'o7',
    'Provenance?_id=v1&target:MedicationOrder.status=stopped' => 'v1',
    'Provenance?_id=v1&target:MedicationOrder.status=active' => '',
    'Provenance?_id=v1&target:MedicationOrder.datewritten=2020-02' => 'v1',
);
is ids_of($_), $found{$_}, $_ for sort keys %found;

# Days are the practice's: April ends at four o'clock of UTC. The database's dates are the server's.
is join(' ', sort $zoned->get("$base/DocumentReference?patient=p3&created=$_->[0]")->ids), $_->[1], "$_->[0], New York"
    for ['gt2019-05-01T03:59:58Z' => 'doc4'], ['gt2019-05-01T03:59:59Z' => ''],
    ['lt2019-04-01T04:00:01Z' => 'doc3 doc4 doc6'], ['lt2019-04-01T04:00:00Z' => 'doc3 doc6'],
    ['sa2019-03-31' => 'doc4'], ['sa2019-04-01T03:59:59Z' => 'doc4'],
    ['sa2019-04-01T04:00:00Z' => ''], ['2019-04' => 'doc4'], ['2019-03-31' => 'doc3'], ['ne2019-04' => 'doc3 doc6'],
    ['eb2019-05-01T04:00:00Z' => 'doc3 doc4 doc6'], ['eb2019-05-01T03:59:59Z' => 'doc3 doc6'],
    ['le2019-04-30' => 'doc3 doc4 doc6'], ['ge2019-04-01' => 'doc4'], ['ap2019-04-15' => 'doc3 doc4'];
my @written = qw(0001 0001-01-01T00:00:00+14:00 1899-02 2000-02-29 2019-12 2019-12-31 9999 9999-12-31
    2016-12-31T23:59:60Z 2016-12-31T18:59:60.5-05:00 2019-02-03T04:05:06.1Z 2019-02-03T04:05:06.999999999Z
    2019-02-03T04:05:06.123456+05:45 2019-02-03T04:05:06-14:00);
$t->load(map { { resourceType => 'Procedure', id => "when$_", status => 'completed',
            subject => { reference => 'Patient/x' }, performedDateTime => $written[$_] } } 0 .. $#written);
is $t->psql(q{SELECT count(*), min(concat_ws(' ', d, date_low, date_high)) FILTER (WHERE d IS NULL
    OR coalesce(d[1], d[3]) <> date_low OR coalesce(d[2], d[4]) <> date_high)
    FROM (SELECT *, main.fhir_date_at(resource, '{$.performedDateTime}') d FROM main.procedure
    WHERE id LIKE 'when%') p}), @written . '|', "the database's dates are the server's";
is $t->psql(q{SELECT count(*) FROM unnest(ARRAY['"2019-02-29"', '"2019-04-31T00:00:00Z"', '"0000"', '"2019-13"', '7',
    '"2019-01-01T24:00:00Z"', '"2019-01-01T00:00:00"', '"2019-01-01T00:00:00+14:30"', '"soon"', 'null']) v
    WHERE main.fhir_date_at('{"d":' || v || '}', '{$.d}') IS NOT NULL}), 0, 'or none';

is join(' ', both('Observation?patient=p1&_sort:desc=date')->ids), 'o1 o2', '_sort:desc';
is join(' ', both('Observation?patient=p1&_sort=date')->ids), 'o2 o1', '_sort';
is join(' ', both('Observation?patient=p1&_sort:asc=date')->ids), 'o2 o1', '_sort:asc';
is join(' ', both('Observation?patient=p1&_sort=-date')->ids), 'o1 o2', "R4's way";
is ids_of('MedicationOrder?patient=p1&_include=MedicationOrder:medication'), 'm1 med1', '_include';
is ids_of('MedicationOrder?patient=p1&_revinclude=Provenance:target'), 'm1 v1', '_revinclude';
is ids_of('MedicationOrder?patient=p1&_include=MedicationOrder:prescriber&_include=MedicationOrder:medication'),
    'm1 med1 pr1', 'several includes';
is both('Observation?patient=p1&_summary=count')->json->{total}, 2, '_summary=count';
is_deeply both('Patient?_id=p1&_summary=text')->json->{entry}[0]{resource}{meta}{tag}[0]{system},
    'http://hl7.org/fhir/v3/ObservationValue', '_summary: the tag of DSTU2';
my ($part) = both('Condition?_id=d1&_elements=patient')->resources;
ok $part->{patient} && !$part->{category}, "_elements by DSTU2's names";

# ---- pages ----

my ($url, @pages) = ("$base/Observation?_count=200&_sort:desc=date");
my $pages = 0;
while ($url && $pages++ < 100) {
    my $page = $t->get($url);
    push @pages, $page->ids;
    my $self = $page->link('self');
    like $self, qr{$base/Observation\?_count=200&_sort:desc=date}, 'self says what was asked' if $pages == 1;
    $url = $page->link('next');
    $url =~ s{^https?://[^/]+}{} if $url;
}
my %unique = map { $_ => 1 } @pages;
my $total = $t->get("$base/Observation?_summary=count")->json->{total};
is scalar @pages, $total, "$total on $pages pages";
is scalar keys %unique, $total, 'each once';

# ---- what is not known ----

my $ignored = both('Patient?_id=p1&colour=red&_has:Observation:subject:code=x')->json;
is_deeply [ map { $_->{search}{mode} } @{ $ignored->{entry} } ], [qw(outcome match)], 'unknown parameters are ignored';
like $ignored->{entry}[0]{fullUrl}, qr/^urn:uuid:[0-9a-f-]{36}$/, 'bdl-6: the remark has a fullUrl';
is scalar @{ $ignored->{entry}[0]{resource}{issue} }, 2, 'and each is told';
unlike $ignored->{link}[0]{url}, qr/colour/, 'the self link does not say them';
is_outcome $t->get("$base/Patient?colour=red", Prefer => 'handling=strict'), 400, 'not-supported', qr/colour/, 'strict';
is_outcome $t->get("$base/Location?near-distance=le5|km", Prefer => 'handling=strict'), 400, 'not-supported',
    qr/near-distance/, 'a distance from nowhere';
is_outcome $t->get("$base/Location?near=here"), 400, 'invalid', qr/near/, 'no place';
is $t->get("$base/Encounter/e3")->json->{status}, 'cancelled', 'what is entered in error can be read';
is_outcome $t->get("$base/DocumentReference?created=soon"), 400, 'invalid', qr/created/,
    'a bad value of what R4 has no parameter for';
is_outcome $t->get("$base/DocumentReference?created:exact=2020"), 400, 'not-supported', qr/created has no modifier/,
    'nor has it modifiers';
is_outcome $t->get("$base/DocumentReference?_sort=created", Prefer => 'handling=strict'), 400, 'not-supported',
    qr/_sort/, 'nor an order';
is_outcome $t->get("$base/Patient?birthdate=soon"), 400, 'invalid', qr/birthdate/, 'a bad value';
is_outcome both('Patient/nobody'), 404, 'not-found', qr{Patient/nobody}, 'nobody';
is_outcome both('Nonsense/1'), 404, 'not-supported', qr/Nonsense/, 'no such type';
is_outcome $t->post("$base/Patient", { resourceType => 'Patient' }), 405, 'not-supported', qr/allowed/, 'read only';
is_outcome both('?_id=p1'), 405, 'not-supported', qr/name the type/, 'no search of all types';

# ---- Argonaut's profiles ----

my $guide = source_dir() . '/../shared/fhir/dstu2/argonaut/profiles';
SKIP: {
    skip 'the shared FHIR data is not beside the source tree', 1 unless -d $guide;
    my %claims;
    for my $resource (map { $_->{resource} } map { @{ JSON::PP->new->utf8->decode($_)->{entry} } }
        grep { /argo-/ } map { @$_ } values %pages) {
        push @{ $claims{$_} }, $resource for @{ $resource->{meta}{profile} || [] };
    }
    # Elements of the sample data: 1 if one of the resources has what the path names.
    my $has;
    $has = sub {
        my ($node, @path) = @_;
        return defined $node unless @path;
        return scalar grep { $has->($_, @path) } @$node if ref $node eq 'ARRAY';
        my ($name, @rest) = @path;
        my ($start) = $name =~ /^(.*)\[x\]$/;
        return scalar grep { $start ? /^\Q$start\E[A-Z]/ && $has->($node->{$_}, @rest) : $_ eq $name
            && $has->($node->{$_}, @rest) } keys %$node;
    };
    my @declared = map { $_->{reference} } @{ $conformance->{profile} };
    for my $file (glob "$guide/StructureDefinition-argo-*.json") {
        my $profile = JSON::PP->new->utf8->decode(read_file($file));
        next if $profile->{constrainedType} && $profile->{constrainedType} eq 'Extension';
        my @elements = grep { $_->{mustSupport} } @{ $profile->{snapshot}{element} };
        my ($type) = $profile->{snapshot}{element}[0]{path} =~ /^(\w+)/;
        next if !@elements || $type eq 'Extension';
        my ($name) = $profile->{url} =~ m{/([^/]+)$};
        ok scalar(grep { $_ eq $profile->{url} } @declared), "$name is declared";
        my $found = $claims{ $profile->{url} } || [];
        cmp_ok scalar @$found, '>', 0, "$name: resources that name it";
        my @paths = map { $_->{path} =~ /^\w+\.(.*)$/ ? $1 : () } @elements;
        my @missing = grep { !$has->($found, split /\./) } @paths;
        is_deeply \@missing, [], "$name: " . scalar(@paths) . ' elements that must be supported are there';
        # the least number of each, as the profile has it
        my @broken;
        for my $element (grep { $_->{min} } @elements) {
            my (undef, @path) = split /\./, $element->{path};
            next if @path != 1 || $path[0] =~ /^extension$/;
            push @broken, "$_->{id} $path[0]" for grep { !$has->($_, @path) } @$found;
        }
        is_deeply \@broken, [], "$name: who names it has what it requires";
    }
    my ($patient) = $t->get("$base/Patient?_count=1&birthdate=lt1990")->resources;
    is_deeply [ grep { /argo-patient/ } @{ $patient->{meta}{profile} || [] } ],
        ['http://fhir.org/guides/argonaut/StructureDefinition/argo-patient'], 'a patient of the samples';
    unlike $t->get("$base/Observation/o3")->body, qr/argo-/, 'one without what a profile requires';
}

# ---- deleted ----

$t->delete('/dev/r4/Observation/o3');
is_outcome both('Observation/o3'), 410, 'not-found', qr{Observation/o3}, 'deleted: 410, in a code that DSTU2 has';
is_outcome both('Observation/o3/_history?_at=2020'), 400, 'not-supported', qr/_at.*it has _count and _since\b(?!,)/,
    'a history has no _at';
my $gone = both('Observation/o3/_history')->json;
is_deeply [ map { [ $_->{request}{method}, $_->{fullUrl} ? 1 : 0, $_->{resource} ? 1 : 0 ] } @{ $gone->{entry} } ],
    [ [ 'DELETE', 0, 0 ], [ 'POST', 1, 1 ] ], 'the deletion has neither resource nor fullUrl';

# ---- the other way to ask for the Conformance ----

{
    my $options = $t->request('OPTIONS', $base, headers => { Accept => 'application/json+fhir' });
    is $options->status, 200, 'OPTIONS [base]';
    is $options->body, $t->get("$base/metadata")->body, '  is the Conformance';
}

# ---- operations, content ----

is $t->get("$base/Binary/b1", Accept => '*/*')->body, 'abc', "a Binary's content";
is $t->get("$base/Binary/b1", Accept => 'application/json+fhir')->json->{content}, 'YWJj', 'and as a resource';
is both('Patient/p1/$everything')->status, 200, '$everything';
is both('DocumentReference/$docref?patient=p1')->status, 200, '$docref';
is_outcome both('Observation/$lastn?patient=p1'), 404, 'not-found', qr/lastn/, 'no operations of R4 alone';

for my $accept ('application/json+fhir', 'application/fhir+json', 'application/json', 'text/json', '*/*') {
    is $t->get("$base/Patient/p1", Accept => $accept)->header('content-type'), 'application/json+fhir; charset=utf-8',
        "Accept: $accept";
}
is $t->get("$base/Patient/p1?_format=xml")->header('content-type'), 'application/xml+fhir; charset=utf-8',
    '_format=xml';
is $t->get("$base/Patient/p1?_format=application/xml+fhir")->header('content-type'),
    'application/xml+fhir; charset=utf-8', '_format with a plus';
is_outcome $t->get("$base/Patient/p1", Accept => 'application/json; fhirVersion=4.0'), 406, 'not-supported',
    qr{json\+fhir, application/xml\+fhir or text/html}, 'not another release';
is $t->get("$base/Patient/p1", 'If-None-Match' => 'W/"1"')->status, 304, 'If-None-Match';

# ---- the schema ----

my $schema = source_dir() . '/../shared/fhir/dstu2/xsd/fhir-single.xsd';
SKIP: {
    skip 'the schema is not beside the source tree', 1 unless -f $schema;
    my $n = 0;
    my %path = map { write_file(work_dir() . '/answer' . $n++ . '.xml', $_->[1]) => $_->[0] } @answers;
    my $checked = run({}, 'xmllint', '--noout', '--schema', $schema, sort keys %path);
    my @faults = map { m{^(\S+?):\d+: (.*error.*)} ? "$path{$1}: $2" : () } split /\n/, $checked->{err};
    is_deeply \@faults, [], "$n answers are valid by HL7's schema";
}
$t->done;
