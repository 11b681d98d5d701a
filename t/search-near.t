#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# near: places by distance, in each unit; across the antimeridian and at the poles.
use strict;
use warnings;
use FHIR::Test;
use Test::More;

my $t = FHIR::Test->new;
sub ask { return $t->get("/dev/r4/$_[0]") }
sub found { return join ' ', sort split / /, $t->get("/dev/r4/$_[0]")->found }

# a thousandth of a degree on the equator is 111.19 m
my %at = (here => [ 0, 0 ], '111m' => [ 0, 0.001 ], '44km' => [ 0.4, 0 ], '56km' => [ 0, -0.5 ], west => [ 10, -179.9 ],
    east => [ 10, 179.9 ], pole => [ 90, 77 ]);
$t->load({ resourceType => 'Location', id => 'nowhere', name => 'x' },
    map { { resourceType => 'Location', id => $_, position => { latitude => $at{$_}[0],
        longitude => $at{$_}[1] } } } keys %at);
is(found("Location?near=$_->[0]"), $_->[1], "near=$_->[0]")
    for ['0|0|112|m' => '111m here'], ['0|0|111|m' => 'here'], ['0|0|0.112|km' => '111m here'],
    ['0|0|0.112' => '111m here'], ['0|0' => '111m 44km here'],
    ['0|0||m' => '111m 44km here'], ['0|0|365|ft' => '111m here'], ['0|0|364|ft' => 'here'],
    ['0|0|28|mi' => '111m 44km here'], ['0|0|27|mi' => '111m here'],
    ['10|180|11' => 'east west'], ['90|-12|1' => 'pole'], ['0|0|1|m,90|0|1|m' => 'here pole'],
    ['1e-999|-1e-999|1e-3' => 'here'], ['0|0|20016' => join ' ', sort keys %at],
    ['0|0|1e100' => join ' ', sort keys %at], ['0|0|1e999' => join ' ', sort keys %at];
is(ask('Location?near:missing=true')->found, 'nowhere', 'near:missing');
is_outcome($t->get("/dev/r4/Location?near=$_"), 400, 'invalid', qr/latitude\|longitude/, "near=$_")
    for '0', '0|181', '0|0|-1', '0|0|1|yd', '0|0|x', '|0';


# ---- numbers that a double cannot hold ----
is($t->get("/dev/r4/Location?near=$_")->status, 200, "near=$_")
    for '1e-400%7C0', '0%7C-1e-9999%7C1e9999', '0%7C0%7C1e-9999%7Cmi';

$t->done;
