#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# _contained: resources inside of others are found when they are asked for, and never otherwise.
use strict;
use warnings;
use FHIR::Test;
use Test::More;

my $t = FHIR::Test->new(conf => "FHIRRequireIfMatch Off\nFHIRUpdateCreate On\nFHIRReferencesCheck Off\n");

sub medication {
    my ($id, $code, %more) = @_;
    return { resourceType => 'Medication', id => $id, code => { coding => [ { system => 'urn:m', code => $code } ],
            text => "text $code" }, %more };
}
sub request {
    my ($id, $patient, @medications) = @_;
    return { resourceType => 'MedicationRequest', id => $id, status => 'active', intent => 'order',
        subject => { reference => "Patient/$patient" }, medicationReference => { reference => @medications ? '#m1'
            : 'Medication/m1' },
        @medications > 1 ? (supportingInformation => [ map { { reference => "#$_->{id}" } } @medications[
            1 .. $#medications ] ]) : (),
        @medications ? (contained => [@medications]) : () };
}
my @load = (
    (map { { resourceType => 'Patient', id => "p$_", name => [ { family => "Number $_" } ] } } 1, 2),
    { resourceType => 'Organization', id => 'maker', name => 'Maker' },
    medication('m1', 'own'), medication('free', 'abc'),
    request('r1', 'p1', medication('m1', 'abc', manufacturer => { reference => 'Organization/maker' })),
    request('r2', 'p2', medication('m1', 'abc'), medication('m2', 'abc', status => 'active')),
    request('r3', 'p1', medication('m1', 'xyz')), request('r4', 'p1'),
    { resourceType => 'MedicationStatement', id => 's1', status => 'active', subject => { reference => 'Patient/p1' },
        medicationReference => { reference => '#m1' }, contained => [ medication('m1', 'abc') ] },
    { resourceType => 'Observation', id => 'o1', status => 'final', code => { text => 'panel' },
        contained => [ { resourceType => 'Observation', id => 'inner', status => 'final',
            code => { text => 'part' } } ] },
);
$t->load(@load);

sub entries { my ($path) = @_; return @{ $t->get("/dev/r4/$path")->json->{entry} || [] } }
sub names {
    my ($path, $mode) = @_;
    return join ' ', sort map { $_->{fullUrl} =~ s{^.*/dev/r4/}{}r }
        grep { $_->{search}{mode} eq ($mode || 'match') } entries($path);
}

# ---- which, and how ----
for (
    [ 'Medication?code=abc'                                             => 'Medication/free' ],
    [ 'Medication?code=abc&_contained=false'                            => 'Medication/free' ],
    [ 'Medication?code=abc&_contained=true'                             => 'MedicationRequest/r1 '
        . 'MedicationRequest/r2 MedicationStatement/s1' ],
    [ 'Medication?code=abc&_contained=true&_containedType=container'    => 'MedicationRequest/r1 '
        . 'MedicationRequest/r2 MedicationStatement/s1' ],
    [ 'Medication?code=abc&_contained=true&_containedType=contained'    => 'MedicationRequest/r1#m1 '
        . 'MedicationRequest/r2#m1 MedicationRequest/r2#m2 MedicationStatement/s1#m1' ],
    [ 'Medication?code=abc&_contained=both'                             => 'Medication/free MedicationRequest/r1 '
        . 'MedicationRequest/r2 MedicationStatement/s1' ],
    [ 'Medication?code=abc&_contained=both&_containedType=contained'    => 'Medication/free MedicationRequest/r1#m1 '
        . 'MedicationRequest/r2#m1 MedicationRequest/r2#m2 MedicationStatement/s1#m1' ],
    [ 'Medication?status=active&_contained=true&_containedType=contained' => 'MedicationRequest/r2#m2' ],
    [ 'Medication?_id=m1&_contained=true&code=xyz'                      => 'MedicationRequest/r3' ],
    [ 'Medication?_id=free&_contained=true'                             => '' ],
    [ 'Medication?manufacturer.name=maker&_contained=true'              => 'MedicationRequest/r1' ],
    [ 'Medication?code:text=text%20x&_contained=true'                   => 'MedicationRequest/r3' ],
    [ 'MedicationRequest?medication=m1'                                 => 'MedicationRequest/r4' ],
    [ 'Medication?code:not=abc&_contained=true'                         => 'MedicationRequest/r3' ],
    [ 'Patient?_contained=true'                                         => '' ],
    [ 'Observation?_contained=both'                                     => 'Observation/o1' ],
    [ 'Observation?_contained=both&_containedType=contained'            => 'Observation/o1 Observation/o1#inner' ],
    [ '?_type=Medication,Observation&_contained=true&_containedType=contained'
        => 'MedicationRequest/r1#m1 MedicationRequest/r2#m1 MedicationRequest/r2#m2 MedicationRequest/r3#m1 '
            . 'MedicationStatement/s1#m1 Observation/o1#inner' ],
    )
{
    is(names($_->[0]), $_->[1], "$_->[0] finds '$_->[1]'");
}
my ($container) = entries('Medication?code=xyz&_contained=true');
is("$container->{resource}{resourceType}/$container->{resource}{id}", 'MedicationRequest/r3',
    'the container comes as a resource');
my ($alone) = entries('Medication?code=xyz&_contained=true&_containedType=contained');
is_deeply($alone->{resource}, medication('m1', 'xyz'), 'or the contained resource alone, as it was sent');

# ---- nobody else sees them ----
is(names('Medication?_id=m1,m2'), 'Medication/m1', 'a search by id');
is($t->get('/dev/r4/Medication/m2')->status, 404, 'a read');
is(names('MedicationRequest?_id=r1,r4&_include=MedicationRequest:medication', 'include'), 'Medication/m1',
    'an include');
is(names('Medication?_has:MedicationRequest:medication:status=active&_contained=both'), 'Medication/m1', '_has');
is(names('Medication?_has:MedicationRequest:medication:status=active&_contained=true'), '',
    '  takes no id within for one of its own');
is($t->get('/dev/r4/Medication?_summary=count')->json->{total}, 2, 'a count');

# ---- but chains go from a container to what is in it ----
for (
    [ 'MedicationRequest?medication.code=abc'                      => 'MedicationRequest/r1 MedicationRequest/r2' ],
    [ 'MedicationRequest?medication:Medication.code=xyz'           => 'MedicationRequest/r3' ],
    [ 'MedicationRequest?medication.code=own'                      => 'MedicationRequest/r4' ],
    [ 'MedicationRequest?medication.code=own,xyz'                  => 'MedicationRequest/r3 MedicationRequest/r4' ],
    [ 'MedicationRequest?medication.status=active'                 => '' ],
    [ 'MedicationRequest?medication._id=m1'                        => 'MedicationRequest/r1 MedicationRequest/r2 '
        . 'MedicationRequest/r3 MedicationRequest/r4' ],
    [ 'MedicationRequest?medication.manufacturer.name=maker'       => 'MedicationRequest/r1' ],
    [ 'MedicationRequest?patient=p1&medication.code=abc'           => 'MedicationRequest/r1' ],
    [ 'MedicationStatement?medication.code=abc'                    => 'MedicationStatement/s1' ],
    [ 'Patient?_has:MedicationRequest:patient:medication.code=xyz' => 'Patient/p1' ],
    )
{
    is(names($_->[0]), $_->[1], "$_->[0] finds '$_->[1]'");
}

# ---- pages, numbers, order, includes ----
for my $search ('Medication?code=abc&_contained=both&_containedType=contained', 'Medication?_contained=true',
    'Medication?_contained=true&_sort=-code', '?_type=Medication,Observation&_contained=both') {
    my $page = $t->get("/dev/r4/$search&_count=2")->json;
    my (@pages, %link);
    while (1) {
        push @pages, join ' ', map { $_->{fullUrl} =~ s{^.*/dev/r4/}{}r } @{ $page->{entry} };
        %link = map { $_->{relation} => $_->{url} } @{ $page->{link} };
        last unless $link{next};
        $page = $t->get($link{next})->json;
    }
    is(join(' ', sort split / /, "@pages"), names($search), "$search: the pages are the whole");
    cmp_ok(scalar @pages, '>', 1, '  several');
    for my $n (reverse 0 .. $#pages - 1) {
        $page = $t->get($link{previous})->json;
        is(join(' ', map { $_->{fullUrl} =~ s{^.*/dev/r4/}{}r } @{ $page->{entry} }), $pages[$n], "  back to page $n");
        %link = map { $_->{relation} => $_->{url} } @{ $page->{link} };
    }
}
is($t->get('/dev/r4/Medication?code=abc&_contained=both&_total=accurate')->json->{total}, 4, 'their number');
is(names('Medication?code=xyz&_contained=true&_include=MedicationRequest:patient', 'include'), 'Patient/p1',
    'includes follow the container');
is(names('Medication?code=xyz&_contained=true&_include=*', 'include'), 'Patient/p1', '  all of its references');
for ([ '_contained=yes' => qr/false, true or both/ ],
    [ '_contained=true&_containedType=x' => qr/container or contained/ ]) {
    is_outcome($t->get("/dev/r4/Medication?$_->[0]"), 400, 'invalid', $_->[1], $_->[0]);
}
is_outcome($t->get('/dev/r4/Patient/p1/$everything?_contained=true'), 400, 'not-supported',
    qr/no parameter "_contained"/, 'operations have none');

# ---- writes ----
my $found = sub { names("Medication?code=$_[0]&_contained=true&_containedType=contained") };
my $rows = sub { $t->psql('SELECT count(*) FROM main.medication_contained') };
my $before = $rows->();
my $new = $t->post('/dev/r4/MedicationRequest',
    do { my $r = request('x', 'p1', medication('m1', 'new')); delete $r->{id}; $r });
is($new->status, 201, 'a create') or diag $new->body;
my $id = $new->json->{id};
is($found->('new'), "MedicationRequest/$id#m1", '  is found');
is($t->put("/dev/r4/MedicationRequest/$id", request($id, 'p1', medication('m1', 'newer'),
        medication('m9', 'other')))->status, 200, 'an update');
is(join('|', map { $found->($_) } qw(new newer other)), "|MedicationRequest/$id#m1|MedicationRequest/$id#m9",
    '  replaces what was in it');
is($t->put("/dev/r4/MedicationRequest/$id", request($id, 'p1'))->status, 200, 'an update without');
is($found->('newer') . names('MedicationRequest?medication.code=newer'), '', '  finds nothing');
is($rows->(), $before, '  and leaves no rows');
is($t->put("/dev/r4/MedicationRequest/$id", request($id, 'p1', medication('m1', 'back')))->status, 200, 'another one');
is($t->delete("/dev/r4/MedicationRequest/$id")->status, 204, 'a delete');
is($found->('back'), '', '  finds nothing');
is($rows->(), $before, '  and leaves no rows');
is($t->put("/dev/r4/MedicationRequest/$id", request($id, 'p1', medication('m1', 'again')))->status, 201,
    'it comes back');
is($found->('again'), "MedicationRequest/$id#m1", '  and is found');
my $bundle = { resourceType => 'Bundle', type => 'transaction',
    entry => [ map { { resource => $_->[0], request => { method => 'PUT', url => $_->[1] } } }
        [ request('t1', 'p1', medication('m1', 'tx')), 'MedicationRequest/t1' ],
            [ request('t2', 'p1', medication('m1', 'tx')), 'MedicationRequest/t2' ] ] };
is($t->post('/dev/r4', $bundle)->status, 200, 'a transaction');
is($found->('tx'), 'MedicationRequest/t1#m1 MedicationRequest/t2#m1', '  is found');
push @{ $bundle->{entry} }, { resource => { resourceType => 'Nothing' }, request => { method => 'POST',
        url => 'Nothing' } };
$_->{resource}{contained} = [ medication('m1', 'lost') ] for @{ $bundle->{entry} }[0, 1];
cmp_ok($t->post('/dev/r4', $bundle)->status, '>=', 400, 'one that fails');
is($found->('lost') . $found->('tx'), 'MedicationRequest/t1#m1 MedicationRequest/t2#m1', '  changes nothing');
is($t->patch('/dev/r4/MedicationRequest/t1', [ { op => 'replace', path => '/contained/0/code/coding/0/code',
        value => 'patched' } ],
        'Content-Type' => 'application/json-patch+json')->status, 200, 'a patch');
is($found->('patched'), 'MedicationRequest/t1#m1', '  is found');
$t->load(request('r1', 'p1', medication('m1', 'loaded')));
is($found->('loaded'), 'MedicationRequest/r1#m1', 'a further load');
unlike($found->('abc'), qr/r1/, '  replaces, too');
$t->load(@load[ 6 .. $#load ]);
is($found->('xyz'), 'MedicationRequest/r3#m1', 'what is loaded again unchanged is there once');

$t->done;
