#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# The operations that read: $everything, $docref, $lastn, and those on codes.
use strict;
use warnings;
use FHIR::Test;
use Test::More;

my $t = FHIR::Test->new(conf => "FHIRReferencesCheck Off\n");
my ($loinc, $summary, $note) = ('http://loinc.org', '34133-9', '11506-3');

sub coding { my ($system, $code) = @_; return { $system ? (system => $system) : (), code => $code } }
sub observation {
    my ($id, $patient, $day, $code, %more) = @_;
    return { resourceType => 'Observation', id => $id, status => 'final',
        subject => { reference => "Patient/$patient" }, code => $code,
        $day ? (effectiveDateTime => sprintf('2024-01-%02d', $day)) : (), %more };
}
sub document {
    my ($id, $patient, $type, $start, %more) = @_;
    return { resourceType => 'DocumentReference', id => $id, status => 'current',
        subject => { reference => "Patient/$patient" },
        type => { coding => [ coding($loinc, $type) ] },
        content => [ { attachment => { contentType => 'text/plain', url => 'Binary/x' } } ],
        $start ? (context => { period => { start => $start, end => $start } }) : (), %more };
}
my ($a, $b, $c) = map { coding($loinc, $_) } qw(a b c);
$t->load(
    (map { { resourceType => 'Patient', id => $_,
        generalPractitioner => [ { reference => 'Practitioner/d1' } ] } } qw(p1 p2)),
    { resourceType => 'Practitioner', id => 'd1' }, { resourceType => 'Practitioner', id => 'd2' },
    { resourceType => 'Organization', id => 'g1' },
    observation('o1', 'p1', 1, { coding => [$a] }), observation('o2', 'p1', 2, { coding => [$a] },
        performer => [ { reference => 'Practitioner/d2' } ]),
    observation('o3', 'p1', 3, { coding => [$b] }), observation('o4', 'p1', 4, { coding => [$c] }),
    observation('o5', 'p1', 5, { coding => [ $c, coding('urn:own', 'c') ] }),
    observation('o6', 'p1', 6, { coding => [ coding('urn:own', 'c') ] }),
    observation('o7', 'p1', 7, { text => 'pain' }), observation('o8', 'p1', 8, { text => 'Pain' }),
    observation('o9', 'p1', 9, { text => 'pain' }),
    observation('oa', 'p1', 2, { coding => [ coding('', 'a') ] }), observation('ob', 'p1', 3, { coding => [$b] }),
    observation('oc', 'p1', 0, { coding => [$a] }), observation('od', 'p2', 9, { coding => [$a] }),
    { resourceType => 'Condition', id => 'c1', subject => { reference => 'Patient/p1' },
        asserter => { reference => 'Practitioner/d2' }, recordedDate => '2023-05-01' },
    { resourceType => 'Condition', id => 'c2', subject => { reference => 'Patient/p1' } },
    document('r1', 'p1', $summary, '2023-01-01'), document('r2', 'p1', $summary, '2024-06-01',
        date => '2024-06-02T00:00:00Z'),
    document('r3', 'p1', $note, '2024-01-15', date => '2020-01-01T00:00:00Z',
        meta => { profile => ['http://example.org/note'] }),
    document('r4', 'p1', $note, undef, date => '2024-03-01T00:00:00Z'), document('r5', 'p2', $summary, '2024-06-01'),
);
sub get { return $t->get("/dev/r4/$_[0]") }
sub ids {
    my ($response, $mode) = @_;
    is($response->status, 200, '  is answered') or diag $response->body;
    return $response->found($mode);
}
sub sorted { return join ' ', sort split / /, ids(@_) }
sub parameters {
    my ($path, @parameters) = @_;
    return $t->post("/dev/r4/$path", { resourceType => 'Parameters', parameter => [@parameters] });
}

# ---- $lastn: by kind ----

my $lastn = 'Observation/$lastn?patient=p1';
is(ids(get($lastn)), 'o9 o8 o6 ob o3 oa o2',
    'the last of each kind, newest first; those of one time; texts for themselves; a coding in common is enough');
is(ids(get("$lastn&max=2")), 'o9 o8 o7 o6 o5 ob o3 oa o2 o1', 'the last two');
is(ids(get("$lastn&max=1000")), 'o9 o8 o7 o6 o5 o4 ob o3 oa o2 o1 oc', 'all; without a time last');
is(ids(get("$lastn&code=$loinc|c")), 'o5', 'of those that the search finds');
is(ids(get("$lastn&date=lt2024-01-02")), 'o1', 'before a time');
is(ids(get("$lastn&code=none")), '', 'of none');
is(ids(get('Observation/$lastn?subject=Patient/p2')), 'od', 'subject is a patient, too');
is(ids(get('Observation/$lastn?patient=p1,p2&code=a')), 'od oa o2', 'each patient has kinds of his own');
is(ids(parameters('Observation/$lastn', { name => 'patient', valueString => 'Patient/p1' },
        { name => 'max', valuePositiveInt => 1 },
            { name => 'code', valueCodeableConcept => { coding => [ $a, $b ] } })), 'ob o3 o2',
            'POST; of a concept any coding');
my $page = get("$lastn&max=2&_count=4&_include=Observation:patient&_total=accurate");
is(ids($page), 'o9 o8 o7 o6', 'pages');
is(ids($page, 'include'), 'p1', '  and includes');
is($page->json->{total}, 10, '  and a number, as of a search');
is(ids($t->get($page->link('next'))), 'o5 ob o3 oa', '  the next page');
like($page->link('self'), qr/max=2/, '  the link says max');
is(ids(get("$lastn&_sort=code&code=a,b")), 'o2 oa o3 ob', '_sort');
is(get("$lastn&_summary=count")->json->{total}, 7, '_summary=count');
for my $max (qw(0 -1 2x 1001 99999999999), '') {
    is_outcome(get("$lastn&max=$max"), 400, 'invalid', qr/"\Q$max\E" is not a valid value for max.*1 to 1000/,
        "max=$max");
}
my $lenient = $t->get("/dev/r4/$lastn&nothing=1", Prefer => 'handling=lenient');
is(ids($lenient), 'o9 o8 o6 ob o3 oa o2', 'lenient');
unlike($lenient->link('self'), qr/nothing/, '  the link says what applied');

# ---- $everything ----

my $everything = 'Patient/p1/$everything';
like(ids(get($everything)), qr/^p1 c\d c\d /, 'the patient, then by type');
is(sorted(get($everything), 'include'), 'd1 d2', '  what they refer to, once');
is(sorted(get("$everything?_type=Condition,Practitioner")), 'c1 c2', '_type');
is(sorted(get("$everything?_type=Condition,Practitioner"), 'include'), 'd2',
    '  brings those outside that the chosen refer to');
is(sorted(get("$everything?_type=Condition"), 'include'), '', '  if they are among the types');
is(sorted(get("$everything?_type=Patient&_type=Condition")), 'c1 c2 p1', '  twice');
is_outcome(get("$everything?_type=Practitioner"), 400, 'invalid',
    qr/none of Practitioner is in the compartment of Patient.*_type=Observation,Practitioner/,
    '  nothing of the compartment');
is(sorted(get("$everything?_type=Observation,Condition&start=2024-01-08")), 'c2 o8 o9 oc',
    'start; what has no date of its own is in any time');
is(sorted(get("$everything?_type=Observation,Condition&end=2023-12-31")), 'c1 c2 oc', 'end');
is(sorted(get("$everything?_type=Observation,Condition&start=2023-01-01&end=2023-12-31")), 'c1 c2 oc', 'both');
is(sorted(get("$everything?_type=Patient,Condition&_since=2100-01-01")), '', '_since');
is(sorted(get("$everything?_type=Patient,Condition&_since=2000-01-01T00:00:00Z")), 'c1 c2 p1',
    '  is a time of writing');
is(sorted(parameters($everything, { name => '_type', valueCode => 'Condition' },
        { name => '_type', valueCode => 'Patient' }, { name => '_count', valueInteger => 10 })),
    'c1 c2 p1', 'POST');
my $whole = ids(get($everything));
my (@seen, %outside, $here, @pages);
for ($here = get("$everything?_count=3"); ; $here = $t->get($here->link('next'))) {
    push @pages, ids($here);
    $outside{$_} = 1 for split / /, ids($here, 'include');
    if (@pages == 1) { # of a type that had no rows when the walk began
        $t->load({ resourceType => 'Goal', id => 'g9', lifecycleStatus => 'active',
            description => { text => 'run' }, subject => { reference => 'Patient/p1' } });
    }
    last if !$here->link('next');
}
is(join(' ', grep { $_ ne 'g9' } map { split / / } @pages), $whole, 'the pages are the whole, while others write');
is(join(' ', sort keys %outside), 'd1 d2', '  with what they refer to');
for ($here = $t->get($here->link('previous')); ; $here = $t->get($here->link('previous'))) {
    unshift @seen, ids($here);
    last if !$here->link('previous');
}
is(join(' ', map { split / / } @seen), join(' ', map { split / / } @pages[0 .. $#pages - 1]), '  and back again');
like(ids(get($everything)), qr/\bg9\b/, '  what was written since is in a new answer');
is_outcome(get('Patient/$everything'), 400, 'too-costly', qr/Say of whom/, 'of nobody in particular');

# ---- $docref ----

my $docref = 'DocumentReference/$docref?patient=p1';
is(ids(get($docref)), 'r2', 'the latest summary of care');
is(ids(get("$docref&start=2023-01-01T00:00:00Z")), 'r2 r1', 'start: all summaries since');
is(ids(get("$docref&start=2023-01-01&end=2023-12-31")), 'r1', 'and end');
is(sorted(get("$docref&type=$loinc|$note")), 'r3 r4', 'type');
is(sorted(get("$docref&type=$loinc|$note&type=$loinc|$summary")), 'r1 r2 r3 r4', 'of either type');
is(ids(get("$docref&type=$note&start=2024-02-01")), 'r4', 'the time of care; without one, the date of the document');
is(ids(get("$docref&type=$note&end=2024-02-01")), 'r3', '  whose own date does not count');
is(ids(get("$docref&type=$note&profile=http://example.org/note")), 'r3', 'profile');
is(ids(get("$docref&on-demand=true")), '', 'on-demand: none is made');
is(ids(get("$docref&on-demand=false")), 'r2', '  false');
is(ids(get('DocumentReference/$docref?patient=nobody')), '', 'of nobody');
is(ids(get("$docref&type=$note&_count=1")), 'r4', '_count');
is(sorted(parameters('DocumentReference/$docref', { name => 'patient', valueId => 'p1' },
        { name => 'start', valueDateTime => '2020-01-01T00:00:00Z' },
            { name => 'end', valueDate => '2030-01-01' }, { name => 'type', valueCoding => coding($loinc, $note) },
            { name => 'on-demand', valueBoolean => JSON::PP::false },
            { name => 'profile', valueCanonical => 'http://example.org/note' })), 'r3', 'POST, every parameter');
is(sorted(parameters('DocumentReference/$docref', { name => 'patient', valueId => 'p1' },
            { name => 'type', valueCodeableConcept => { coding => [ coding($loinc, 'none'),
                coding($loinc, $note) ] } })), 'r3 r4', '  a concept: any of its codings');

# ---- $expand ----

my $gender = 'http://hl7.org/fhir/ValueSet/administrative-gender';
my $system = 'http://hl7.org/fhir/administrative-gender';
sub codes { return join ' ', map { $_->{code} } @{ $_[0]->json->{expansion}{contains} || [] } }
my $expansion = get("ValueSet/\$expand?url=$gender");
is(codes($expansion), 'male female other unknown', '$expand');
is_deeply([ @{ $expansion->json->{expansion} }{qw(total offset parameter)} ], [ 4, 0, undef ], '  how many');
my $part = get("ValueSet/\$expand?url=$gender&filter=MALE&count=1&offset=1");
is(codes($part), 'female', 'filter, count, offset');
is($part->json->{expansion}{total}, 2, '  how many there are');
is_deeply($part->json->{expansion}{parameter}, [ { name => 'filter', valueString => 'MALE' },
        { name => 'offset', valueInteger => 1 },
        { name => 'count', valueInteger => 1 } ], '  and what made it so');
$part = get("ValueSet/\$expand?url=$gender&count=0");
is(codes($part) . $part->json->{expansion}{total}, 4, 'count=0: how many');
is(codes(parameters('ValueSet/$expand', { name => 'url', valueUri => $gender },
        { name => 'count', valueInteger => 2 })), 'male female', 'POST');
for (qw(count=-1 count=x offset=1.5 count=99999999999), 'offset=') {
    my ($name, $value) = split /=/, $_, 2;
    is_outcome(get("ValueSet/\$expand?url=$gender&$_"), 400, 'invalid',
        qr/"\Q$value\E" is not a valid value for $name, which accepts a whole number/, $_);
}
$t->load({ resourceType => 'ValueSet', id => 'own', url => 'urn:own', status => 'active',
        compose => { include => [ { system => 'urn:s',
            concept => [ map { { code => $_, display => uc } } qw(one two) ] } ] } },
    { resourceType => 'ValueSet', id => 'filtered', url => 'urn:filtered', status => 'active',
        compose => { include => [ { system => 'urn:s',
            filter => [ { property => 'x', op => '=', value => 'y' } ] } ] } });
is(codes(get('ValueSet/own/$expand')), 'one two', 'a stored one, by id');
is(codes(get('ValueSet/$expand?url=urn:own')), 'one two', '  by URL');
for ([ 'ValueSet/$expand?url=urn:none' => qr/does not know the value set "urn:none"/ ],
    [ 'ValueSet/$expand?url=urn:filtered' => qr/are not all known here: it takes codes of urn:s/ ],
    [ 'ValueSet/none/$expand' => qr{no ValueSet/none} ]) {
    is_outcome(get($_->[0]), 404, 'not-found', $_->[1], $_->[0]);
}
is_outcome(get('ValueSet/$expand'), 400, 'invalid', qr/needs url/, 'of nothing');
is_outcome(get("ValueSet/\$expand?url=$gender&colour=red"), 400, 'not-supported',
    qr/no parameter "colour"; it has url, valueSet, .*filter/, 'an unknown parameter');

# ---- $validate-code, $lookup ----

sub result {
    my ($response) = @_;
    is($response->status, 200, '  is answered') or diag $response->body;
    my %value = map { $_->{name} => $_->{valueBoolean} // $_->{valueString} } @{ $response->json->{parameter} };
    return join ' ', $value{result} ? 'true' : 'false', map { $value{$_} // '-' } qw(display message);
}
sub display_of { return (map { $_->{valueString} } grep { $_->{name} eq 'display' } @{ $_[0]->json->{parameter} })[0] }
my $validate = "ValueSet/\$validate-code?url=$gender";
is(result(get("$validate&system=$system&code=male")), 'true Male -', '$validate-code');
is(result(get("$validate&code=male")), 'true Male -', '  without a system');
is(result(get("$validate&system=urn:other&code=male")), 'false - "male" is not in the value set',
    '  of another system');
is(result(get("$validate&coding=$system|female")), 'true Female -', '  a coding');
is(result(get("$validate&system=$system&code=male&display=Man")), 'false Male The display of this code is "Male"',
    '  a wrong display');
my @long = map { { name => $_->[0], "value$_->[1]" => $_->[2] } } [ 'url', 'Uri', $gender ],
    [ 'code', 'Code', 'x' x 70000 ];
my $long = $t->post('/dev/r4/ValueSet/$validate-code', { resourceType => 'Parameters', parameter => \@long });
like(result($long), qr/^false - .*xxx/, '  a code of 70,000 characters is answered as whole JSON');
is(result(get('ValueSet/own/$validate-code?system=urn:s&code=two')), 'true TWO -', '  by id');
sub validated { return result(parameters('ValueSet/$validate-code', { name => 'url', valueUri => $gender }, @_)) }
is(validated({ name => 'codeableConcept', valueCodeableConcept => { coding => [ coding('urn:x', 'a,b|c$d'),
        coding($system, 'other') ] } }), 'true Other -',
    '  one of a concept is enough');
is(validated({ name => 'coding', valueCoding => coding('urn:x', 'a,b|c$d\\') }),
    'false - "a,b|c$d\\" is not in the value set', '  separators in a code are a part of it');
is_outcome(get($validate), 400, 'invalid', qr/needs code/, '  of nothing');
is_outcome(get('ValueSet/$validate-code?code=x'), 400, 'invalid', qr/needs url/, '  in nothing');
my $found = get("CodeSystem/\$lookup?system=$system&code=male")->json;
is_deeply($found->{parameter}, [ { name => 'name', valueString => 'AdministrativeGender' },
        { name => 'version', valueString => '4.0.1' },
        { name => 'display', valueString => 'Male' } ], '$lookup');
is(display_of(parameters('CodeSystem/$lookup', { name => 'coding', valueCoding => coding($system, 'male') })),
    'Male', '  POST');
is_outcome(get("CodeSystem/\$lookup?system=$system&code=none"), 404, 'not-found', qr/\|none is not known here/,
    '  an unknown code');
is_outcome(get("CodeSystem/\$lookup?$_"), 400, 'invalid', qr/needs system and code/, "  $_")
    for 'code=male', 'system=x', "coding=male", "coding=$system|male,$system|female";

# ---- bodies ----

is_outcome($t->post('/dev/r4/ValueSet/$expand', '{}', 'Content-Type' => 'text/plain'), 415, 'not-supported', qr/./,
    'a body of another kind');
is_outcome($t->post('/dev/r4/ValueSet/$expand', { resourceType => 'Patient' }), 422, 'structure',
    qr/Parameters resource/, 'another resource');

# ---- operations that are not there ----

is_outcome(get('Patient/none/$everything'), 404, 'not-found', qr/none/, '$everything of nobody');
is_outcome(get('Patient/p1/$nothing'), 404, 'not-found', qr/everything/, 'an unknown operation');

$t->done;
