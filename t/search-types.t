#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Searches of several types: parameters that all of them have, and _type.
use strict;
use warnings;
use FHIR::Test;
use FHIR::Test::Practice qw(practice);
use Test::More;

my $t = FHIR::Test->new;
$t->load(practice());
sub ask { return $t->get("/dev/r4/$_[0]") }
sub included { return join ' ', sort split / /, $t->get("/dev/r4/$_[0]")->found('include') }

is_outcome($t->get('/dev/r4/?_type=Observation,Patient&code=1-8&_id=o1'), 400, 'not-supported',
    qr/Patient has no search parameter "code"/, 'strict');
my $lenient = $t->get('/dev/r4/?_type=Observation,Patient&code=1-8&_id=o1,p1', Prefer => 'handling=lenient');
is($lenient->found, 'o1 p1', 'what one type does not know is ignored in all');
like($lenient->json->{entry}[0]{resource}{issue}[0]{diagnostics}, qr/^code was ignored: Patient has no/,
    '  and said so');
unlike($lenient->link('self'), qr/[?&]code=/, '  and not in the self link');
$lenient = $t->get('/dev/r4/?_type=Observation,Patient&nothing=1&_count=1&_id=o1,p1', Prefer => 'handling=lenient');
is($t->get($lenient->link('next'), Prefer => 'handling=lenient')->found, 'p1', '  in page links, too');
is_outcome($t->get('/dev/r4/Observation?_type=Patient'), 400, 'not-supported', qr/here the path names the type/,
    '_type where the path says it');
$lenient = $t->get('/dev/r4/Observation?_type=Patient&_id=o1', Prefer => 'handling=lenient');
is($lenient->found, 'o1', '  lenient: ignored');
like($lenient->json->{entry}[0]{resource}{issue}[0]{diagnostics}, qr/^_type was ignored/, '  and said so');
unlike($lenient->link('self'), qr/_type/, '  and not in the self link');
is_outcome($t->get('/dev/r4/?_type='), 400, 'invalid', qr/_type has an empty value/, 'no type');
is_outcome($t->get('/dev/r4/?_type=Nothing'), 400, 'invalid', qr/"Nothing" is not a resource type/, 'an unknown type');
is(included('?_type=Observation,Provenance&_id=o1,v1&_include=*'), 'd1 p1',
    'an include of all references follows those of each type');

$t->done;
