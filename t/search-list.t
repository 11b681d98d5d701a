#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# _list: the entries of Lists.
use strict;
use warnings;
use FHIR::Test;
use FHIR::Test::Practice qw(practice);
use Test::More;

my $t = FHIR::Test->new;
$t->load(practice());
sub ask { return $t->get("/dev/r4/$_[0]") }

$t->load(map { { resourceType => 'List', id => "l$_", status => 'current', mode => 'working',
        entry => [ { item => { reference => "Patient/p$_" } }, { item => { reference => 'Practitioner/d1' } } ] } }
        1, 2);
is(ask($_->[0])->found, $_->[1], $_->[0])
    for ['Patient?_list=l1' => 'p1'], ['Patient?_list=List/l2' => 'p2'],
    ['Patient?_list=' . $t->url('/dev/r4/List/l2') => 'p2'],
    ['Patient?_list=l1,l2' => 'p1 p2'], ['Patient?_list=l1&_list=l2' => ''],
    ['Patient?_list=l1,l2&gender=male' => 'p2'], ['Patient?_list=l3' => ''],
    ['Practitioner?_list=l1' => 'd1'], ['Observation?patient._list=l1&date=2024-01-03' => 'o3'];
is_outcome($t->get('/dev/r4/Patient?_list=Patient/p1'), 400, 'invalid', qr/id of a List/, 'what is no list');

is_outcome($t->get('/dev/r4/Observation?_list=$current-problems'), 400, 'invalid',
    qr/functional list "\$current-problems" is not supported.*id of a List/, 'a functional list');

$t->done;
