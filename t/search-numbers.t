#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Numbers and quantities: a value covers what its digits say; prefixes; units; ranges, open and closed.
use strict;
use warnings;
use FHIR::Test;
use Test::More;

my $t = FHIR::Test->new;
sub found { return join ' ', sort split / /, $t->get("/dev/r4/$_[0]")->found }

my $ucum = 'http://unitsofmeasure.org';
sub measured { my ($id, %quantity) = @_; return { resourceType => 'Observation', id => $id, status => 'final',
        code => { text => 'x' }, valueQuantity => \%quantity } }
$t->load((map { measured("m$_", value => $_ + 0) } -5, 90, 95, 99.5, 100, 100.5, 104.99, 105, 110),
    measured('mg', value => 5.4, unit => 'milligram', system => $ucum, code => 'mg'), measured('unit', value => 5.4,
        unit => 'mg'),
    measured('g', value => 0.0054, unit => 'g', system => $ucum, code => 'g'), measured('other', value => 5.4,
        system => 'urn:units', code => 'mg'),
    (map { { resourceType => 'RiskAssessment', id => $_->[0], status => 'final',
        subject => { reference => 'Patient/p1' },
            prediction => [ { probabilityRange => { map { ($_->[0] => { value => $_->[1] }) } @{ $_->[1] } } } ] } }
        [ between => [ [ low => 2 ], [ high => 4 ] ] ], [ above => [ [ low => 2 ] ] ], [ below => [ [ high => 4 ] ] ]));
for (
    [ '100' => 'm100 m99.5' ], [ '100.00' => 'm100' ], [ '1e2' => 'm100 m100.5 m104.99 m95 m99.5' ],
    [ '1.0e2' => 'm100 m100.5 m104.99 m95 m99.5' ],
    [ '1.00e2' => 'm100 m99.5' ], [ 'ap100' => 'm100 m100.5 m104.99 m105 m110 m90 m95 m99.5' ], [ 'ap-5' => 'm-5' ],
    [ '-5' => 'm-5' ], [ '-5.0' => 'm-5' ],
    [ 'gt100' => 'm100.5 m104.99 m105 m110' ], [ 'sa105' => 'm110' ], [ 'ge105' => 'm105 m110' ],
    [ 'lt-4.99' => 'm-5' ], [ 'eb-5' => '' ], [ 'le-5' => 'm-5' ],
    [ 'ge1.05E2' => 'm105 m110' ], [ '90,gt109' => 'm110 m90' ], [ "5.4|$ucum|mg" => 'mg' ],
    [ '5.4||mg' => 'mg other unit' ], [ '5.4||milligram' => 'mg' ],
    [ '5.4' => 'mg other unit' ], [ "5.40e-3|$ucum|g" => 'g' ], [ "5.4|$ucum|milligram" => '' ],
    [ "lt5.41|$ucum|" => 'g mg' ], [ "5.4|urn:units|mg" => 'other' ],
    )
{
    is(found("Observation?value-quantity=$_->[0]"), $_->[1], "value-quantity=$_->[0]");
}
for (
    [ '3' => '' ], [ '3e0' => '' ], [ 'gt3' => 'above below between' ], [ 'gt4' => 'above' ],
    [ 'lt3' => 'above below between' ], [ 'lt2' => 'below' ], [ 'ge4' => 'above below between' ],
    [ 'le2' => 'above below between' ], [ 'sa1.9' => 'above between' ], [ 'sa2' => '' ], [ 'eb4.1' => 'below between' ],
    [ 'eb4' => '' ], [ 'ne3' => 'above below between' ],
    [ 'ap3' => 'above below between' ], [ 'ap1' => 'below' ], [ 'ap5' => 'above' ],
    )
{
    is(found("RiskAssessment?probability=$_->[0]"), $_->[1], "probability=$_->[0]");
}

$t->done;
