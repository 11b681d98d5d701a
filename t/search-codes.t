#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Tokens that stand for several codes, by the code systems and value sets that the module carries:
# :below and :above, :in and :not-in.
use strict;
use warnings;
use FHIR::Test;
use Test::More;

my $t = FHIR::Test->new;
my $terms = 'http://terminology.hl7.org/CodeSystem';
my $loinc = 'http://loinc.org';

sub coded { my ($system, $code) = @_; return { coding => [ { defined $system ? (system => $system) : (),
        code => $code } ] } }
sub encounter {
    my ($id, $class) = @_;
    return { resourceType => 'Encounter', id => $id, status => 'finished', class => { system => "$terms/v3-ActCode",
            code => $class } };
}
sub condition {
    my ($id, $status) = @_;
    return { resourceType => 'Condition', id => $id, clinicalStatus => coded("$terms/condition-clinical", $status),
        subject => { reference => 'Patient/p' } };
}
sub observation {
    my ($id, $status, $code, %more) = @_;
    return { resourceType => 'Observation', id => $id, status => $status, code => $code, %more };
}
$t->load({ resourceType => 'Patient', id => 'p' },
    encounter(amb => 'AMB'), encounter(acute => 'ACUTE'), encounter(imp => 'IMP'), encounter(none => 'x'),
    condition(active => 'active'), condition(relapse => 'relapse'), condition(resolved => 'resolved'),
    condition(inactive => 'inactive'),
    { resourceType => 'AllergyIntolerance', id => 'active',
        clinicalStatus => coded("$terms/allergyintolerance-clinical", 'active'),
        patient => { reference => 'Patient/p' } },
    observation(amended => 'amended', coded($loinc, '8867-4')), observation(corrected => 'corrected',
        coded($loinc, '1-8')),
    observation(final => 'final', coded(undef, 'active'),
        interpretation => [ coded("$terms/v3-ObservationInterpretation", 'HH') ]),
    (map { { resourceType => 'DocumentReference', id => $_->[0], status => 'current',
        content => [ { attachment => { contentType => $_->[1] } } ] } }
        [ xml => 'text/xml' ], [ charset => 'text/xml;charset=UTF-8' ],
            [ external => 'text/xml-external-parsed-entity' ], [ png => 'image/png' ]),
    (map { { resourceType => 'Condition', id => $_->[0], subject => { reference => 'Patient/q' },
            code => { text => $_->[1], coding => [ { system => 'urn:x', code => $_->[0], display => $_->[2] } ] } } }
        [ accident => "Stra\x{df}enverkehrsunfall", 'Road traffic accident' ], [ oedema => 'Swelling',
            "\x{152}d\x{e8}me" ],
        [ skane => "Sm\x{f8}rrebr\x{f8}d  allergy", "\x{416}\x{438}\x{440}" ]),
    { resourceType => 'ValueSet', id => 'listed', url => 'http://example.org/vs/listed', status => 'active',
        compose => { include => [ { system => $loinc, concept => [ { code => '8867-4' } ] },
            { system => 'urn:x', concept => [ { code => 'active' }, { code => 'oedema' } ] } ] } },
    { resourceType => 'ValueSet', id => 'ruled', url => 'http://example.org/vs/ruled', status => 'active',
        compose => { include => [ { system => $loinc,
            filter => [ { property => 'parent', op => '=', value => 'x' } ] } ] } },
    { resourceType => 'CareTeam', id => 'team', status => 'active',
        participant => [ { role => [ coded("$terms/v3-RoleCode", 'NMTH') ] } ] });

my $loaded = sub { join ' ', sort map { $_->{resource}{id} } @{ $t->get("/dev/r4/$_[0]")->json->{entry} || [] } };
for (
    # IMP has ACUTE and NONAC below it
    [ "Encounter?class:below=$terms/v3-ActCode|IMP", 'acute imp' ],
    [ "Encounter?class:below=$terms/v3-ActCode|ACUTE", 'acute' ],
    [ "Encounter?class:above=$terms/v3-ActCode|ACUTE", 'acute imp' ],
    [ "Encounter?class:below=$terms/v3-ActCode|_ActEncounterCode", 'acute amb imp' ],
    [ "Encounter?class:below=$terms/v3-ActCode|IMP,$terms/v3-ActCode|AMB", 'acute amb imp' ],
    [ 'Encounter?class:below=IMP', 'acute imp' ],
    [ "Encounter?_filter=class%20ss%20$terms/v3-ActCode|IMP", 'acute imp' ],
    [ "Encounter?_filter=class%20sb%20$terms/v3-ActCode|ACUTE", 'acute imp' ],
    # active has recurrence and relapse, inactive has remission and resolved
    [ "Condition?clinical-status:below=$terms/condition-clinical|active", 'active relapse' ],
    [ "Condition?clinical-status:below=$terms/condition-clinical|inactive", 'inactive resolved' ],
    [ "Condition?clinical-status:above=$terms/condition-clinical|relapse", 'active relapse' ],
    [ 'Condition?patient=p&clinical-status:below=active', 'active relapse' ],
    [ 'AllergyIntolerance?clinical-status:below=active', 'active' ],
    # the system of a code element is known from its binding
    [ 'Observation?status:below=amended', 'amended corrected' ],
    [ 'Observation?status:below=http://hl7.org/fhir/observation-status|corrected', 'corrected' ],
    [ 'Observation?status:above=corrected', 'amended corrected' ],
    [ 'Observation?code:below=active', 'final' ],
    [ "CareTeam?role:below=$terms/v3-RoleCode|FAMMEMB", 'team' ],
    # a system without a hierarchy: the code itself
    [ "CareTeam?_id=team&status:below=active", 'team' ],
    # MIME types: with their parameters, of a kind
    [ 'DocumentReference?contenttype=text/xml', 'xml' ],
    [ 'DocumentReference?contenttype:below=text/xml', 'charset xml' ],
    [ 'DocumentReference?contenttype:below=text', 'charset external xml' ],
    [ 'DocumentReference?contenttype:below=urn:ietf:bcp:13|text/xml,image', 'charset png xml' ],
    [ 'DocumentReference?contenttype:below=urn:x|text/xml', '' ],
    [ 'DocumentReference?contenttype:below=~M\\|text/xml', '' ],
    # texts are strings: without regard to case and accents, from their start
    [ 'Condition?code:text=strassenverkehr', 'accident' ], [ 'Condition?code:text=STRASSEN', 'accident' ],
    [ 'Condition?code:text=road', 'accident' ],
    [ 'Condition?code:text=traffic', 'accident' ], [ 'Condition?code:text=oedeme', 'oedema' ],
    [ 'Condition?code:text=smorrebrod%20all', 'skane' ],
    [ 'Condition?code:text=%D0%B6%D0%B8', 'skane' ], [ 'Condition?code:text=swell,road', 'accident oedema' ],
    # value sets: of FHIR's required bindings, of its extensible ones, of US Core, a whole system
    [ 'Observation?status:in=http://hl7.org/fhir/ValueSet/observation-status', 'amended corrected final' ],
    [ 'Observation?status:not-in=http://hl7.org/fhir/ValueSet/observation-status', '' ],
    [ 'Condition?clinical-status:in=http://hl7.org/fhir/ValueSet/condition-clinical',
        'active inactive relapse resolved' ],
    [ 'Encounter?class:in=http://terminology.hl7.org/ValueSet/v3-ActEncounterCode', 'acute amb imp' ],
    [ 'Encounter?class:not-in=http://terminology.hl7.org/ValueSet/v3-ActEncounterCode', 'none' ],
    [ 'Observation?code:in=http://hl7.org/fhir/ValueSet/observation-vitalsignresult', 'amended' ],
    [ 'Observation?status:in=http://hl7.org/fhir/ValueSet/observation-status|4.0.1', 'amended corrected final' ],
    # stored ones: by URL, by id, on a base
    [ 'Observation?code:in=http://example.org/vs/listed', 'amended' ],
    [ 'Observation?code:not-in=http://example.org/vs/listed', 'corrected final' ],
    [ 'Condition?code:in=ValueSet/listed', 'oedema' ],
    [ 'Condition?code:in=' . $t->url('/dev/r4/ValueSet/listed'), 'oedema' ],
    [ 'Observation?_has:Observation:derived-from:code:in=ValueSet/listed', '' ],
    )
{
    my ($query, $ids) = @$_;
    is $loaded->($query), $ids, $query;
}

# ---- the operations know the same sets ----
my $vitals = $t->get('/dev/r4/ValueSet/$expand?url=http://hl7.org/fhir/ValueSet/observation-vitalsignresult')
    ->json->{expansion};
ok scalar(grep { $_->{system} eq $loinc and $_->{code} eq '8867-4' } @{ $vitals->{contains} }),
    '$expand of an extensible set';
my $in = $t->get("/dev/r4/ValueSet/\$validate-code?url=http://hl7.org/fhir/ValueSet/observation-vitalsignresult&"
    . "system=$loinc&code=1-8")->json;
is $in->{parameter}[0]{valueBoolean}, JSON::PP::false, '$validate-code of it';

# ---- what is not known ----
is_outcome($t->get("/dev/r4/Observation?code:below=$loinc|8867-4"), 400, 'invalid',
    qr{code:below: the server does not know the hierarchy of the code system "http://loinc.org"},
    'a system that is not carried');
is_outcome($t->get("/dev/r4/Encounter?class:below=$terms/v3-ActCode|none"), 400, 'invalid',
    qr{no known code system has the code "none" of .*ActCode}, 'a code that the system does not have');
is_outcome($t->get('/dev/r4/Encounter?class:above=none'), 400, 'invalid', qr{has the code "none"}, 'nor any other');
is_outcome($t->get("/dev/r4/Encounter?class:below=$terms/v3-ActCode|"), 400, 'invalid',
    qr{class:below accepts system\|code or code}, 'no code');
is_outcome($t->get('/dev/r4/Encounter?class:below=|IMP'), 400, 'invalid', qr{class:below accepts},
    'a code that has no system');
is_outcome($t->get("/dev/r4/Condition?code:in=$_"), 400, 'invalid', qr{does not know all codes of the value set "$_"},
    "$_: no set that lists its codes")
    for 'http://example.org/vs/ruled', 'ValueSet/ruled', 'ValueSet/none', 'List/listed';
is_outcome($t->get('/dev/r4/Condition?code:in=http://hl7.org/fhir/us/core/ValueSet/us-core-condition-code'), 400,
    'invalid',
    qr{does not know all codes}, 'a value set of codes that are not carried');

# ---- value sets that are not known ----
is_outcome($t->get('/dev/r4/Observation?code:in=http://example.org/vs'), 400, 'invalid',
    qr{code: the server does not know all codes of the value set "http://example.org/vs".*ValueSet/\$expand},
    'a value set');
is_outcome($t->get('/dev/r4/Observation?code:not-in=http://example.org/vs'), 400, 'invalid',
    qr/does not know all codes/, 'with :not-in');

$t->done;
