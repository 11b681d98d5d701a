#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# _include and _revinclude: each resource once, several steps with :iterate, and where they end.
use strict;
use warnings;
use FHIR::Test;
use FHIR::Test::Practice qw(practice);
use Test::More;

my $t = FHIR::Test->new;
$t->load(practice());
sub ask { return $t->get("/dev/r4/$_[0]") }
sub included { return join ' ', sort split / /, $t->get("/dev/r4/$_[0]")->found('include') }

my $bundle = ask('Observation?_id=o1,o3&_include=Observation:subject&_include=Observation:performer&'
    . '_revinclude=Provenance:target');
is($bundle->found, 'o1 o3', 'matches');
is(join(' ', sort split / /, $bundle->found('include')), 'd1 p1 v1', 'each included resource once');

# ---- references of all kinds of texts ----
my $odd = 'http://example.org/a,"b\\c"{d} e';
$t->load({ resourceType => 'Observation', id => 'odd', status => 'final', code => { text => 'x' },
    subject => { reference => 'Patient/p1' },
    performer => [ map { { reference => $_ } } $odd, 'Practitioner/d1', "$odd,Practitioner/d2", 'NULL' ] });
$t->load({ %{ ask('Observation/odd')->json }, id => 'same', meta => {} });
is(included('Observation?_id=odd,same&_include=Observation:performer'), 'd1', 'an array that has to be quoted');
is(included('Observation?_id=odd,same&_include=Observation:performer&_include=Observation:subject&_count=1'), 'd1 p1',
    '  by two includes');
is(included('Observation?_id=odd,o1&_include=Observation:performer&_sort=_id'), 'd1', '  of a sorted page');

# ---- of another patient ----
$t->load({ resourceType => 'Patient', id => 'mother' }, { resourceType => 'Patient', id => 'newborn' },
    { resourceType => 'Encounter', id => 'birth', status => 'finished', class => { code => 'IMP' },
        subject => { reference => 'Patient/mother' } },
    { resourceType => 'Observation', id => 'weight', status => 'final', code => { text => 'birth weight' },
        subject => { reference => 'Patient/newborn' }, encounter => { reference => 'Encounter/birth' } });
is(included('Encounter?patient=mother&_revinclude=Observation:encounter'), 'weight',
    "what was observed of the newborn during the mother's encounter");
is(ask('Patient?_has:Observation:patient:encounter=Encounter/birth')->found('match'), 'newborn',
    '  who is found by it');

# ---- several steps ----
my @chain = map { { resourceType => 'Location', id => "l$_", partOf => { reference => 'Location/l'
        . ($_ + 1) } } } 1 .. 14;
$t->load(@chain, { resourceType => 'Location', id => 'l15', partOf => { reference => 'Location/l14' } });
my $far = ask('Location?_id=l1&_include:iterate=Location:partof');
is($far->found('include'), join(' ', map { "l$_" } 2 .. 11), 'ten steps');
like((grep { $_->{search}{mode} eq 'outcome' } @{ $far->json->{entry} })[0]{resource}{issue}[0]{diagnostics},
    qr/followed includes for 10 steps/, '  and the answer says so');
$far = ask('Location?_id=l12&_include:iterate=Location:partof');
is($far->found('include'), 'l13 l14 l15', 'a circle ends');
is(scalar(grep { $_->{search}{mode} eq 'outcome' } @{ $far->json->{entry} }), 0, '  and nothing is left out');
is(ask('Location?_id=l1&_include=Location:partof')->found('include'), 'l2', 'one step without :iterate');
is(ask('Location?_id=l1&_include:iterate=*&_count=1')->found('include'), join(' ', map { "l$_" } 2 .. 11),
    'by any reference');
is(included('Location?_id=l15&_revinclude:iterate=Location:partof'),
    join(' ', sort map { "l$_" } 5 .. 14), 'backwards');

$t->done;
