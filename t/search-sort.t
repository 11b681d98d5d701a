#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# The order of the answer: _sort by every kind of parameter, up and down, values that are missing last in
# both directions, over several types and over contained resources; and pages through it both ways.
use strict;
use warnings;
use FHIR::Test;
use FHIR::Test::Pages qw(matches pages_hold);
use Test::More;

my $t = FHIR::Test->new(conf => "FHIRReferencesCheck Off\n");

# A value of each kind that there is, by its rank; the one without comes last, both ways.
sub dated { return "2024-0$_[0]-01T00:00:00Z" }
my @observations = map {
    my $n = $_;
    {   resourceType => 'Observation', id => 'o' . (7 - $n), status => 'final',
        code => { coding => [ { code => "c$n" } ] },
        subject => { reference => 'Patient/p1' },
        $n == 4 ? () : (effectiveDateTime => dated($n), valueQuantity => { value => 10**$n },
            method => { coding => [ { code => "m$n" } ] },
            device => { reference => "Device/d$n" }) }
} 1 .. 4;
$t->load(
    { resourceType => 'Patient', id => 'p1', name => [ { family => 'Zeta' } ], birthDate => '1950-01-01' },
    { resourceType => 'Patient', id => 'p2', name => [ { family => "\x{c4}lpha" }, { family => 'zz' } ] },
    { resourceType => 'Patient', id => 'p3' },
    @observations,
    (map { { resourceType => 'ValueSet', id => "v$_->[0]", status => 'active', $_->[1] ? (url => "urn:$_->[1]")
        : () } } [ 1, 'c' ], [ 2, 'a' ], [ 3, '' ], [ 4, 'b' ]),
    (map { { resourceType => 'RiskAssessment', id => "r$_->[0]", status => 'final',
        subject => { reference => 'Patient/p1' },
            $_->[1] ? (prediction => [ { probabilityDecimal => $_->[1] } ]) : () } } [ 1, 0.75 ], [ 2, 0.5 ], [ 3, 0 ]),
);

sub ask { return $t->get("/dev/r4/$_[0]") }

# ---- every kind ----

for (
    [ 'Observation', 'date', '6 5 4 3', '4 5 6 3' ], [ 'Observation', 'value-quantity', '6 5 4 3', '4 5 6 3' ],
    [ 'Observation', 'method', '6 5 4 3', '4 5 6 3' ], [ 'Observation', 'device', '6 5 4 3', '4 5 6 3' ],
    [ 'Observation', 'code', '6 5 4 3', '3 4 5 6' ], [ 'Observation', '_id', '3 4 5 6', '6 5 4 3' ],
    [ 'Observation', 'combo-code', '6 5 4 3', '3 4 5 6' ],
    [ 'Patient', 'family', '2 1 3', '2 1 3' ], [ 'Patient', 'birthdate', '1 2 3', '1 3 2' ],
    [ 'ValueSet', 'url', '2 4 1 3', '1 4 2 3' ], [ 'RiskAssessment', 'probability', '2 1 3', '1 2 3' ],
    )
{
    my ($type, $by, $up, $down) = @$_;
    my $ids = sub { matches(ask("$type?_sort=$_[0]")) =~ s{\w+/[a-z]}{}gr };
    is($ids->($by), $up, "$type by $by");
    is($ids->("-$by"), $down, '  and descending');
}
is(matches(ask('Observation?patient=p1&_sort=-date')), 'Observation/o4 Observation/o5 Observation/o6 Observation/o3',
    "one patient's, by the index");
is(matches(ask('Observation?_sort=status,-code')), 'Observation/o3 Observation/o4 Observation/o5 Observation/o6',
    'a second key where the first is the same');
for ([ 'Observation?_sort=code-value-quantity' => qr/cannot use code-value-quantity: composite/ ],
    [ 'Location?_sort=near' => qr/cannot use near/ ],
    [ 'Patient?_sort=nothing' => qr/no search parameter "nothing"/ ],
    [ 'Patient?_sort=,' => qr/accepts search parameters/ ], [ 'Patient?_sort=-' => qr/no search parameter ""/ ],
    [ 'Patient?_sort=' . join(',', ('family') x 9) => qr/at most 8 parameters/, 'too-costly' ]) {
    is_outcome($t->get("/dev/r4/$_->[0]"), 400, $_->[2] // ($_->[0] =~ /nothing|=-$/ ? 'not-supported' : 'invalid'),
        $_->[1], $_->[0]);
}

# ---- several types ----

$t->psql(q{UPDATE main.patient SET last_updated = '2024-01-01'::timestamptz + (right(id, 1)::int * 2) * interval
    '1 day'});
$t->psql(q{UPDATE main.observation SET last_updated = '2024-01-01'::timestamptz + (right(id, 1)::int * 2 - 5) *
    interval '1 day'});
my $types = '?_type=Patient,Observation,Device';
is(pages_hold($t, "$types&_sort=_lastUpdated", 2),
    'Observation/o3 Patient/p1 Observation/o4 Patient/p2 Observation/o5 Patient/p3 Observation/o6',
    'the types are one list');
is(pages_hold($t, "$types&_sort=-_lastUpdated", 3),
    'Observation/o6 Patient/p3 Observation/o5 Patient/p2 Observation/o4 Patient/p1 Observation/o3', 'turned round');
is(pages_hold($t, "$types&_sort=_id", 1),
    'Observation/o3 Observation/o4 Observation/o5 Observation/o6 Patient/p1 Patient/p2 Patient/p3', 'by id');
$t->psql(q{UPDATE main.patient SET last_updated = '2024-01-01'});
$t->psql(q{UPDATE main.observation SET last_updated = '2024-01-01'});
is(pages_hold($t, "$types&_sort=-_lastUpdated", 2),
    'Patient/p3 Patient/p2 Patient/p1 Observation/o6 Observation/o5 Observation/o4 Observation/o3',
    'where the keys are the same the type decides, then the id');
is(pages_hold($t, 'Patient/p1/*?_type=Observation,RiskAssessment&_sort=-date', 2),
    'Observation/o4 Observation/o5 Observation/o6 RiskAssessment/r3 RiskAssessment/r2 RiskAssessment/r1 Observation/o3',
    'a parameter that all have; what is missing is last');
is(pages_hold($t, '?_sort=-_lastUpdated', 5) =~ tr{/}{}, 14, 'every type at once');
like(pages_hold($t, 'Patient/p1/*?_sort=_lastUpdated', 3), qr/Patient\/p1/, 'a whole compartment');
is(ask("$types&_sort=_id&_total=accurate&_count=2")->json->{total}, 7, 'their number');
is_outcome($t->get('/dev/r4/?_type=Patient,Observation&_sort=birthdate'), 400, 'not-supported',
    qr/Observation has no search parameter "birthdate"/,
    'a parameter that one does not have');

is_outcome($t->get('/dev/r4/?_type=GraphDefinition,Slot&_sort=start'), 400, 'invalid',
    qr/different kinds of values.*_lastUpdated or _id/,
    'one that is a token here and a date there');

# ---- what is written meanwhile ----

my $page = ask('Patient?_sort=family&_count=1');
my $next = $page->link('next');
is(matches($page), 'Patient/p2', 'the first page');
$t->load({ resourceType => 'Patient', id => 'p0', name => [ { family => 'Aa' } ] },
    { resourceType => 'Patient', id => 'p9', name => [ { family => 'Beta' } ] });
is(matches($t->get($next)), 'Patient/p9', 'what comes before the link does not move it, what comes behind is seen');
$t->psql(q{DELETE FROM main.patient WHERE id IN ('p2', 'p9')});
is(matches($t->get($next)), 'Patient/p1', 'the row that it was made of may be gone');
my $last = ask('Patient?_sort=birthdate&_count=1');
$last = $t->get($last->link('next'));
is(matches($last), 'Patient/p0', 'in the midst of what has no value');
is(matches($t->get($last->link('previous'))), 'Patient/p1', '  back to what has one');
is(matches($t->get($last->link('next'))), 'Patient/p3', '  and on');

# ---- another node, a restart ----

my $node = $t->second;
$next = ask('Patient?_sort=-family&_count=2')->link('next');
my $there = matches($t->get($next));
like($there, qr{^Patient/p\d$}, 'a page');
is(matches($node->get($next)), $there, '  of another node');
$t->restart;
is(matches($t->get($next)), $there, '  and after a restart');

# ---- contained resources ----

sub medication {
    my ($id, $code) = @_;
    return { resourceType => 'Medication', id => $id, $code ? (code => { coding => [ { code => $code } ] }) : () };
}
sub request {
    my ($id, @codes) = @_;
    my $n = 0;
    return { resourceType => 'MedicationRequest', id => $id, status => 'active', intent => 'order',
        subject => { reference => 'Patient/p1' },
        medicationReference => { reference => '#x1' }, contained => [ map { medication('x' . ++$n, $_) } @codes ] };
}
$t->load(medication('a', 'm2'), medication('b', 'm5'), medication('c', ''),
    request('r1', 'm3', 'm9'), request('r2', 'm1'), request('r3', 'm8', 'm4'), request('r4', ''));
my $both = 'Medication?_contained=both';
is(pages_hold($t, "$both&_sort=code", 2), 'MedicationRequest/r2 Medication/a MedicationRequest/r1 '
    . 'MedicationRequest/r3 Medication/b Medication/c MedicationRequest/r4',
    'both kinds are one list; of several in a container that counts which comes first');
is(pages_hold($t, "$both&_sort=-code", 3), 'MedicationRequest/r1 MedicationRequest/r3 Medication/b Medication/a '
    . 'MedicationRequest/r2 MedicationRequest/r4 Medication/c',
    'turned round');
is(pages_hold($t, "$both&_containedType=contained&_sort=code", 2),
    'MedicationRequest/r2#x1 Medication/a MedicationRequest/r1#x1 MedicationRequest/r3#x2 Medication/b '
        . 'MedicationRequest/r3#x1 MedicationRequest/r1#x2 Medication/c MedicationRequest/r4#x1',
    'each alone');
is(pages_hold($t, 'Medication?_contained=true&_sort=code', 1),
    'MedicationRequest/r2 MedicationRequest/r1 MedicationRequest/r3 MedicationRequest/r4', 'the contained ones');
is(pages_hold($t, 'Medication?_contained=true&_sort=-code', 1),
    'MedicationRequest/r1 MedicationRequest/r3 MedicationRequest/r2 MedicationRequest/r4', '  descending');
is(pages_hold($t, "?_type=Medication,Device&_contained=both&_sort=_lastUpdated", 2) =~ tr/ //, 6,
    'several types of both kinds');

$t->done;
