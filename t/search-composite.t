#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Composite parameters whose parts are strings.
use strict;
use warnings;
use FHIR::Test;
use Test::More;

my $t = FHIR::Test->new;
sub ask { return $t->get("/dev/r4/$_[0]") }

my @valued = map {
    { resourceType => 'Observation', id => "v$_->[0]", status => 'final',
        code => { coding => [ { code => 'colour' } ] }, %{ $_->[1] } }
} [ string => { valueString => 'Yellow' } ], [ concept => { valueCodeableConcept => { text => 'Yellow' } } ],
    [ coded => { valueCodeableConcept => { text => 'Yellow', coding => [ { code => 'y' } ] } } ];
$t->load(@valued);
is(ask('Observation?code-value-string=colour$yel')->found, 'vstring',
    'code-value-string finds strings, not the texts of concepts');
is(ask('Observation?code-value-string=colour$blue,colour$yel')->found, 'vstring', 'in a list, too');
is(ask('Observation?value-string=yel')->found, 'vcoded vconcept vstring', 'which value-string finds');

$t->done;
