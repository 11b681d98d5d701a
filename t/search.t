#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# The ways to ask for resources of one type: by each kind of parameter, in a compartment, with a form,
# for their number alone. Which resources a search returns is also compared with a plain evaluator in
# t/search-oracle.t.
use strict;
use warnings;
use FHIR::Test;
use FHIR::Test::Practice qw(practice);
use Test::More;

my $t = FHIR::Test->new;
$t->load(practice());
sub ask { return $t->get("/dev/r4/$_[0]") }

# ---- parameters of each kind ----
my @finds = (
    ['Patient?family=mul' => 'p1'], ['Patient?family=MULLER' => 'p1'], ['Patient?family:exact=Muller' => ''],
    ['Patient?family=o%5C,h' => 'p2'], ['Patient?birthdate=1970' => 'p1'], ['Patient?birthdate=lt1970-02' => ''],
    ['Patient?gender:not=male' => 'p1'], ['Patient?gender:missing=true' => 'p1'],
    ['Patient?_has:Observation:patient:code=2-6&family=o' => 'p2'], ['Patient?_filter=family%20co%20%22lle%22' => 'p1'],
    ['Observation?patient=p1&date=2024-01-03,2024-01-05' => 'o5 o3'],
    ['Observation?subject:Patient.family=m&date=eb2024-01-04' => 'o1 o3'],
    ['Observation?patient=p1&code=http://loinc.org|2-6&_sort=date' => 'o3 o15 o9'],
    ['Patient/p2/Observation?date=le2024-01-04' => 'o4 o2'],
    ['Practitioner?_has:Observation:performer:patient.gender=male' => 'd1'],
    # approximately 105: from before year 1 to some hundred years later
    ['Patient?_lastUpdated=ap0105' => ''], ['Patient?_lastUpdated=ap0105,gt2000' => 'p1 p2'],
);
is(ask($_->[0])->found, $_->[1], $_->[0]) for @finds;

# ---- counts and forms ----
is(ask('Observation?patient=p2&_summary=count')->json->{total}, 10, '_summary=count');
is(ask('Observation?patient=p2&_total=accurate&_count=1')->json->{total}, 10, '_total');
my $form = $t->post('/dev/r4/Observation/_search', 'patient=p1&date=2024-01-03',
    'Content-Type' => 'application/x-www-form-urlencoded');
is($form->found, 'o3', 'a form');

# ---- compartments ----
is(ask('Practitioner/d1/*?_type=Practitioner,Provenance')->found, 'd1 v1', 'what a compartment is of is in it');
for ([ 'Patient/p1/Practitioner' => 'Practitioner' ],
    [ 'Patient/p1/*?_type=Practitioner,Organization' => 'any of these types' ],
    [ 'Organization/g1/*' => 'any of these types' ], [ 'Organization/g1/Organization' => 'Organization' ]) {
    is_outcome($t->get("/dev/r4/$_->[0]"), 404, 'not-found', qr/no compartment of \w+ that contains \Q$_->[1]\E/,
        $_->[0]);
}

$t->done;
