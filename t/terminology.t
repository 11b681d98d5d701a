#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Code systems and value sets: what is carried with its displays, and stored ones that import, exclude and filter;
# the operations on both, :in, and ConceptMaps.
use strict;
use warnings;
use FHIR::Test;
use JSON::PP ();
use Test::More;

my $t = FHIR::Test->new;
my ($true, $false) = (JSON::PP::true, JSON::PP::false);
my $FHIR = 'http://hl7.org/fhir/ValueSet';
my $US   = 'http://hl7.org/fhir/us/core/ValueSet';
my $THO  = 'http://terminology.hl7.org/CodeSystem';

sub get { return $t->get("/dev/r4/$_[0]") }
sub parameters {
    my ($path, @parameters) = @_;
    return $t->post("/dev/r4/$path", { resourceType => 'Parameters', parameter => \@parameters });
}
# What an expansion contains, as "code=display".
sub contains {
    my ($answer) = @_;
    is($answer->status, 200, '  is answered') or diag $answer->body;
    return join ', ', map { $_->{code} . (defined $_->{display} ? "=$_->{display}" : '') }
        @{ $answer->json->{expansion}{contains} || [] };
}
sub expand { return contains(get('ValueSet/$expand?' . shift)) }
sub codes { return join ' ', map { s/=.*//r } split /, /, shift }
sub told_one {
    my ($p) = @_;
    my ($member) = grep { /^value/ } keys %$p;
    return unless defined $member;
    my $value = $p->{$member};
    return "$p->{name} " . (ref $value eq 'HASH' ? $value->{code} : $value);
}
# A Parameters resource as "name value …".
sub told {
    my ($answer) = @_;
    is($answer->status, 200, '  is answered') or diag $answer->body;
    return join ' / ', map { told_one($_) } map { $_->{part} ? @{ $_->{part} } : $_ } @{ $answer->json->{parameter} };
}

# ---- what is carried ----

like(expand("url=$US/omb-race-category"), qr/2106-3=White/, 'the displays of US Core\'s race categories');
like(expand("url=http://terminology.hl7.org/ValueSet/v3-NullFlavor"), qr/\bUNK=unknown\b/, 'v3: null flavors');
like(expand("url=$US/us-core-vital-signs"), qr/85354-9=Blood pressure panel with all children optional/,
    'LOINC codes that a value set lists');
like(expand("url=$FHIR/identifier-type"), qr/MR=Medical record number/, 'v2: identifier types');
like(expand("url=http://terminology.hl7.org/ValueSet/v3-ActEncounterCode"), qr/AMB=ambulatory/,
    'a part of a code system');
is(expand("url=$US/omb-race-category&filter=white"), '2106-3=White', 'filter works on displays');
is(expand("url=$US/omb-race-category&filter=alaska%20american"), '1002-5=American Indian or Alaska Native',
    '  word by word');
is(get("ValueSet/\$expand?url=$US/us-core-condition-code")->status, 404, 'what is not all here cannot be listed');
my $validate = "ValueSet/\$validate-code?url=$US/omb-race-category&system=urn:oid:2.16.840.1.113883.6.238&code=2106-3";
is(told(get($validate)),                  'result 1 / display White', 'a code with its display');
is(told(get("$validate&display=white")),  'result 1 / display White', '  but for case');
is(told(get("$validate&display=Purple")), 'result 0 / message The display of this code is "White" / display White',
    '  a wrong one');
is(told(parameters('ValueSet/$validate-code', { name => 'url', valueUri => "$FHIR/identifier-type" },
            { name => 'coding', valueCoding => { system => "$THO/v2-0203", code => 'MR', display => 'Record' } })),
    'result 0 / message The display of this code is "Medical record number" / display Medical record number',
        '  of a coding');
for ([ "$THO/v3-ActCode", 'AMB', 'ambulatory' ], [ 'urn:oid:2.16.840.1.113883.6.238', '2106-3', 'White' ], [
    "$THO/v3-NullFlavor", 'UNK', 'unknown' ],
    [ 'http://hl7.org/fhir/us/core/CodeSystem/condition-category', 'health-concern', 'Health Concern' ], [
        'http://loinc.org', '85354-9', 'Blood pressure panel with all children optional' ]) {
    like(told(get("CodeSystem/\$lookup?system=$_->[0]&code=$_->[1]")), qr{/ display \Q$_->[2]\E(?: /|$)},
        "\$lookup of $_->[1]");
}
is(told(get("CodeSystem/\$validate-code?url=$THO/v3-NullFlavor&code=UNK")), 'result 1 / display unknown',
    'CodeSystem/$validate-code');
is(told(get("CodeSystem/\$validate-code?url=$THO/v3-NullFlavor&code=X")),
    'result 0 / message "X" is not in the code system', '  another code');
is(told(get("CodeSystem/\$subsumes?system=$THO/v3-NullFlavor&codeA=$_->[0]&codeB=$_->[1]")), "outcome $_->[2]",
    "\$subsumes: $_->[2]")
    for [qw(NI UNK subsumes)], [qw(ASKU NI subsumed-by)], [qw(UNK UNK equivalent)], [qw(INV UNK not-subsumed)];

# ---- as resources: client libraries look a value set up before they ask for codes in it ----

my $gender = get("ValueSet?url=$FHIR/administrative-gender");
is($gender->json->{total}, 1, 'ValueSet?url=: one that is carried');
my $resource = $gender->json->{entry}[0]{resource};
is_deeply([ map { $_->{system} } @{ $resource->{compose}{include} } ], ['http://hl7.org/fhir/administrative-gender'],
    '  its systems');
like($gender->json->{entry}[0]{fullUrl}, qr{/ValueSet/administrative-gender$}, '  its id');
is_deeply(get('ValueSet/administrative-gender')->json, $resource, '  read by its id');
is(contains(get('ValueSet/administrative-gender/$expand')), 'male=Male, female=Female, other=Other, unknown=Unknown',
    '  expanded by its id');
$resource = get('CodeSystem/v3-NullFlavor')->json;
is($resource->{concept}[0]{code}, 'NI', 'a code system');
is_deeply([ map { $_->{code} } @{ $resource->{concept}[0]{concept} } ], [qw(INV MSK NA UNK)], '  with its hierarchy');
is(get("CodeSystem?url=$THO/v3-NullFlavor&_summary=count")->json->{total}, 1, '  counted');
is(get("ValueSet?url=$US/us-core-condition-code")->json->{total}, 0, 'what cannot be told whole is not shown');
is(get('ValueSet/none')->status, 404, 'no value set');
for ([ 'urn:ietf:bcp:47', 'en-US', 1 ], [ 'urn:ietf:bcp:47', 'en_US', 0 ]) {
    like(told(get("ValueSet/\$validate-code?url=$FHIR/all-languages&system=$_->[0]&code=$_->[1]")), qr/^result $_->[2]/,
        "a code of a standard: $_->[1]");
}

# ---- a hospital's own ----

my %leg = (code => 'leg', display => 'Leg', definition => 'What one stands on', designation => [ { language => 'de',
    value => 'Bein' } ],
    property => [ { code => 'side', valueCode => 'both' } ]);
my @load = (
    { resourceType => 'CodeSystem', id => 'parts', url => 'urn:parts', version => '2', name => 'Parts', title =>
        'Body parts', status => 'active', content => 'complete',
        caseSensitive => $false,
        property => [ { code => 'side', type => 'code' } ],
        concept  => [
            { code => 'limb', display => 'Limb', property => [ { code => 'notSelectable', valueBoolean => $true } ],
                concept => [ { %leg, concept => [ { code => 'knee', display => 'Knee' } ] }, { code => 'arm',
                display => 'Arm', property => [ { code => 'side', valueCode => 'left' } ] } ] },
            { code => 'tail', display => 'Tail', property => [ { code => 'inactive', valueBoolean => $true } ] },
            { code => 'toe', display => 'Toe', property => [ { code => 'parent', valueCode => 'leg' } ] },
        ] },
    { resourceType => 'CodeSystem', id => 'half', url => 'urn:half', status => 'active', content => 'fragment',
        concept => [ { code => 'a' } ] },
    map { my ($id, %rest) = @$_; { resourceType => 'ValueSet', id => $id, url => "urn:$id", status => 'active',
        %rest } }
        [ 'all',  compose => { include => [ { system => 'urn:parts' } ] } ],
        [ 'legs', compose => { include => [ { system => 'urn:parts', filter => [ { property => 'concept', op =>
        'is-a', value => 'leg' } ] } ] } ],
        [ 'below', compose => { include => [ { system => 'urn:parts', filter => [ { property => 'concept', op =>
        'descendent-of', value => 'leg' } ] } ] } ],
        [ 'not-legs', compose => { include => [ { system => 'urn:parts', filter => [ { property => 'concept', op =>
        'is-not-a', value => 'leg' } ] } ] } ],
        [ 'left', compose => { include => [ { system => 'urn:parts', filter => [ { property => 'side', op => '=',
        value => 'left' } ] } ] } ],
        [ 'sided', compose => { include => [ { system => 'urn:parts', filter => [ { property => 'side', op => 'in',
        value => 'left, both' } ] } ] } ],
        [ 'sides', compose => { include => [ { system => 'urn:parts', filter => [ { property => 'side', op =>
        'exists', value => 'true' } ] } ] } ],
        [ 'two', compose => { include => [ { system => 'urn:parts', filter => [ { property => 'side', op =>
        'exists', value => 'true' }, { property => 'concept', op => 'is-a', value => 'leg' } ] } ] } ],
        [ 'import', compose => { include => [ { valueSet => ['urn:legs'] }, { system => 'urn:x', concept => [ {
        code => 'x', display => 'X' } ] } ], exclude => [ { system => 'urn:parts', concept => [ { code =>
        'toe' } ] } ] } ],
        [ 'both', compose => { include => [ { valueSet => [ 'urn:legs', 'urn:sided' ] } ] } ],
        [ 'mixed', compose => { include => [ { valueSet => ["$FHIR/administrative-gender"] } ], exclude => [ {
        valueSet => ['urn:none-here'] } ] } ],
        [ 'gender', compose => { include => [ { valueSet => ["$FHIR/administrative-gender"] } ], exclude => [ {
        system => 'http://hl7.org/fhir/administrative-gender', concept => [ { code => 'unknown' } ] } ] } ],
        [ 'self', compose => { include => [ { valueSet => ['urn:self'] }, { system => 'urn:x', concept => [ {
        code => 'x' } ] } ] } ],
        [ 'expanded', expansion => { timestamp => '2020-01-01', contains => [ { abstract => $true, display =>
        'Group', contains => [ { system => 'urn:y', code => 'y', display => 'Y' } ] }, { system => 'urn:y', code =>
        'z' } ] } ],
        [ 'snomed', compose => { include => [ { system => 'http://snomed.info/sct', filter => [ { property =>
        'concept', op => 'is-a', value => '1' } ] } ] } ],
        [ 'snomed-all', compose => { include => [ { system => 'http://snomed.info/sct' } ], exclude => [ { system =>
        'http://snomed.info/sct', concept => [ { code => '5' } ] } ] } ],
        [ 'fragment', compose => { include => [ { system => 'urn:half' } ] } ],
);
$t->load(@load,
    { resourceType => 'Observation', id => 'knee', status => 'final', code => { coding => [ { system => 'urn:parts',
        code => 'knee' } ] } },
    { resourceType => 'Observation', id => 'arm', status => 'final', code => { coding => [ { system => 'urn:parts',
        code => 'arm' } ] } },
    { resourceType => 'Observation', id => 'sct', status => 'final', code => { coding => [ { system =>
        'http://snomed.info/sct', code => '1' } ] } },
);
my %due = (
    all => 'limb leg knee arm tail toe', legs => 'leg knee toe', below => 'knee toe', 'not-legs' => 'limb arm tail',
        left => 'arm', sided => 'leg arm', sides => 'leg arm', two => 'leg',
    import => 'leg knee x', both => 'leg', gender => 'male female other', self => 'x', expanded => 'y z',
);
is(codes(expand("url=urn:$_")), $due{$_}, "a stored value set: $_") for sort keys %due;
is_outcome(get("ValueSet/\$expand?url=urn:$_"), 404, 'not-found',
    qr/codes of value set "urn:$_" are not all known here/,
        "what cannot be listed: $_") for qw(mixed snomed snomed-all fragment);
is(codes(expand('url=urn:all&activeOnly=true')), 'limb leg knee arm toe', 'activeOnly');
is(codes(expand('url=urn:all&excludeNotForUI=true')), 'leg knee arm tail toe', 'excludeNotForUI');
is(codes(expand('url=urn:all&offset=1&count=2')), 'leg knee', 'offset and count');
is(expand('url=urn:legs&displayLanguage=de-CH'), 'leg=Bein, knee=Knee, toe=Toe', 'displayLanguage');
is_deeply(get('ValueSet/$expand?url=urn:two&includeDesignations=true')->json->{expansion}{contains}[0]{designation},
    [ { language => 'de', value => 'Bein' } ], 'includeDesignations');
ok(get('ValueSet/$expand?url=urn:all')->json->{expansion}{contains}[0]{abstract}, 'what groups others is abstract');
is(codes(contains(parameters('ValueSet/$expand', { name => 'valueSet', resource => { resourceType => 'ValueSet',
    status => 'active', compose => { include => [ { valueSet => ['urn:legs'] } ] } } }))), 'leg knee toe',
        'a value set that is sent along');
is_outcome(parameters('ValueSet/$expand', { name => 'valueSet', resource => { resourceType => 'Basic' } }), 422,
    'invalid', qr/not a ValueSet/, '  another resource');
is_outcome(get('ValueSet/$expand?url=urn:all&activeOnly=perhaps'), 400, 'invalid', qr/accepts true and false/,
    'a bad flag');

is(told(get('ValueSet/$validate-code?url=urn:legs&system=urn:parts&code=KNEE')),
    'result 0 / message "KNEE" is not in the value set', '$validate-code');
is(told(get('ValueSet/$validate-code?url=urn:legs&system=urn:parts&code=leg&display=bein')),
    'result 1 / display Leg', '  a designation is a display');
is(told(get('ValueSet/$validate-code?url=urn:all&system=urn:parts&code=limb')),
    'result 0 / message "limb" only groups other codes; abstract=true accepts it / display Limb',
    '  an abstract code');
is(told(get('ValueSet/$validate-code?url=urn:all&system=urn:parts&code=limb&abstract=true')),
    'result 1 / display Limb', '  where they are allowed');
is(told(get('ValueSet/$validate-code?url=urn:snomed-all&system=http://snomed.info/sct&code=1')), 'result 1',
    '  a whole system');
is(told(get('ValueSet/$validate-code?url=urn:snomed-all&system=http://snomed.info/sct&code=5')),
    'result 0 / message "5" is not in the value set', '  but for what is excluded');
is(get('ValueSet/$validate-code?url=urn:snomed&system=http://snomed.info/sct&code=1')->status, 404,
    '  what nobody can tell');
is(told(get('ValueSet/$validate-code?url=urn:snomed&system=http://loinc.org&code=1')),
    'result 0 / message "1" is not in the value set', '  what can be told');
is(told(parameters('ValueSet/$validate-code', { name => 'url', valueUri => 'urn:legs' }, { name => 'coding',
    valueCoding => { code => 'leg' } })), 'result 0 / message "leg" without a system is not in the value set',
        '  without a system');

is(told(get('CodeSystem/$lookup?system=urn:parts&code=Leg')),
    'name Body parts / version 2 / display Leg / language de / value Bein / code definition / value What one stands on'
        . ' / code parent / value limb / code child / value knee / code child / value toe / code side / value both',
    '$lookup');
is(told(get('CodeSystem/$lookup?system=urn:parts&code=leg&property=parent')),
    'name Body parts / version 2 / display Leg / code parent / value limb', '  one property');
is(get('CodeSystem/$lookup?system=urn:half&code=a')->status, 404, '  of a system that is not complete');
is(told(get('CodeSystem/parts/$validate-code?code=toe&display=Finger')),
    'result 0 / message The display of this code is "Toe" / display Toe', 'CodeSystem/[id]/$validate-code');
is(told(get('CodeSystem/parts/$subsumes?codeA=limb&codeB=toe')), 'outcome subsumes',
    '$subsumes by nesting and by property');
is_outcome(get('CodeSystem/parts/$subsumes?codeA=limb&codeB=wing'), 404, 'not-found', qr/has no code "wing"/,
    '  an unknown code');
is_outcome(get('CodeSystem/$subsumes?codeA=limb&codeB=toe'), 400, 'invalid', qr/needs system/, '  in nothing');
is_outcome(get('CodeSystem/parts/$subsumes?codeA=limb'), 400, 'invalid', qr/needs codeB/, '  of one code');

sub found { return join ' ', sort map { $_->{resource}{id} } @{ get(shift)->json->{entry} || [] } }
is(found('Observation?code:in=urn:legs'), 'knee', ':in by filter');
is(found('Observation?code:in=ValueSet/all'), 'arm knee', ':in by id');
is(found('Observation?code:in=urn:import'), 'knee', ':in by import');
is(get('Observation?code:in=urn:snomed')->status, 400, ':in with what nobody can tell');

# A binding to a value set that is not carried is judged by the stored one.
my $NUCC      = 'http://nucc.org/provider-taxonomy';
my $specialty = 'http://cts.nlm.nih.gov/fhir/ValueSet/2.16.840.1.114222.4.11.1066';
sub binding {
    my ($code) = @_;
    my $outcome = $t->post('/dev/r4/PractitionerRole/$validate', { resourceType => 'PractitionerRole',
            meta => { profile => ['http://hl7.org/fhir/us/core/StructureDefinition/us-core-practitionerrole|6.1.0'] },
            specialty => [ { coding => [ { system => $NUCC, code => $code } ] } ] })->json;
    return join ' ', map { $_->{details}{coding}[0]{code} }
        grep { $_->{expression} && $_->{expression}[0] eq 'PractitionerRole.specialty[0]' } @{ $outcome->{issue} };
}
is(binding('1'), 'binding-unknown', 'a binding that cannot be judged');
$t->load({ resourceType => 'ValueSet', id => 'specialty', url => $specialty, status => 'active',
        compose => { include => [ { system => $NUCC, concept => [ { code => '1' } ] } ] } });
is(binding('1'), '', '  by a stored value set');
is(binding('2'), 'binding-extensible', '  which does not have the code');

# ---- maps ----

sub concept_map {
    my ($id, @groups) = @_;
    return { resourceType => 'ConceptMap', id => $id, url => "urn:$id", status => 'active', sourceUri => 'urn:all',
        group => \@groups };
}
my @target = ({ code => 'L', display => 'Leg', equivalence => 'equal' }, { code => 'E', equivalence => 'wider' });
$t->load(
    concept_map('map', { source => 'urn:parts', target => 'urn:letters', element => [ { code => 'leg', target =>
        \@target }, { code => 'tail', target => [ { equivalence => 'unmatched' } ] } ],
            unmapped => { mode => 'other-map', url => 'urn:more' } }),
    concept_map('more', { source => 'urn:parts', target => 'urn:letters', element => [ { code => 'arm', target => [
        { code => 'A', equivalence => 'equivalent' } ] } ],
            unmapped => { mode => 'fixed', code => 'O', display => 'Other' } }),
);
my $leg = 'result 1 / equivalence equal / concept L / source urn:map / equivalence wider / concept E / source urn:map';
is(told(get('ConceptMap/$translate?url=urn:map&system=urn:parts&code=leg')), $leg, '$translate');
is(told(get('ConceptMap/map/$translate?coding=urn:parts|leg')), $leg, '  by id');
is(told(get('ConceptMap/map/$translate?system=urn:parts&code=tail')),
    'result 0 / message The code has no translation / equivalence unmatched / source urn:map', '  no translation');
is(told(get('ConceptMap/map/$translate?system=urn:parts&code=arm')),
    'result 1 / equivalence equivalent / concept A / source urn:more', '  another map');
is(told(get('ConceptMap/map/$translate?system=urn:parts&code=toe')),
    'result 1 / equivalence inexact / concept O / source urn:more', '  a fixed code');
is(told(get('ConceptMap/map/$translate?system=urn:letters&code=E&reverse=true')),
    'result 1 / equivalence narrower / concept leg / source urn:map', '  the other way round');
is(told(get('ConceptMap/map/$translate?system=urn:parts&code=leg&targetsystem=urn:none')),
    'result 0 / message No translation of the code is known', '  to another system');
is(told(get('ConceptMap/$translate?system=urn:parts&code=leg&source=urn:all&targetsystem=urn:letters'))
    =~ /equivalence equal \/ concept L/, 1,
    '  by what maps there are');
is(told(get('ConceptMap/$translate?system=urn:nowhere&code=leg')),
    'result 0 / message No stored ConceptMap translates codes of this code system', '  by none');
is_outcome(get('ConceptMap/$translate?url=urn:map'), 400, 'invalid', qr/needs code and system/, '  of nothing');
is_outcome(get('ConceptMap/$translate?url=urn:gone&code=x'), 404, 'not-found',
    qr/no ConceptMap with the URL "urn:gone"/, '  by what is not there');

$t->done;
