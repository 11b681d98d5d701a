#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Chains into Bundles: the first entry of a document or message is searched where it is, whatever is
# stored under its id. Source: http://hl7.org/fhir/R4/bundle.html#search, #references
use strict;
use warnings;
use FHIR::Test;
use Test::More;

my $t = FHIR::Test->new(conf => "FHIRRequireIfMatch Off\nFHIRUpdateCreate On\nFHIRReferencesCheck Off\n");
my $there  = 'http://there.example/fhir';
my $inside = { reference => 'urn:uuid:63fefa32-fcbb-4ff8-8a92-55ee120877b7' };

sub composition {
    my ($id, $status, %more) = @_;
    return { resourceType => 'Composition', ($id ? (id => $id) : ()), status => $status,
        type => { coding => [ { system => 'http://loinc.org', code => '60591-5' } ], text => 'Patient summary' },
        subject => { reference => 'Patient/p1' }, date => '2024-05-01', author => [ { display => 'A' } ],
        title => "A $status title", %more };
}
sub document {
    my ($id, $composition, $url) = @_;
    return { resourceType => 'Bundle', id => $id, type => 'document', timestamp => '2024-05-01T10:00:00Z',
        identifier => { system => 'urn:b', value => $id },
        entry => [ { fullUrl => $url || 'urn:uuid:53fefa32-fcbb-4ff8-8a92-55ee120877b7', resource => $composition },
            { fullUrl => $inside->{reference},
                resource => { resourceType => 'Patient', id => 'p2', name => [ { family => 'Inside' } ] } } ] };
}
sub message {
    my ($id, $event) = @_;
    return { resourceType => 'Bundle', id => $id, type => 'message', entry => [ {
            fullUrl => "$there/MessageHeader/h1", resource => { resourceType => 'MessageHeader', id => 'h1',
                eventCoding => { system => 'urn:e', code => $event }, source => { endpoint => 'http://s.example' } } } ]
    };
}
my @load = ({ resourceType => 'Patient', id => 'p1', name => [ { family => 'Stored' } ] },
    composition('c1', 'preliminary'), document('b1', composition('c1', 'final')),
    document('b2', composition('c2', 'amended', subject => $inside)),
    document('b3', composition(undef, 'final'), "$there/Composition/17"), message('m1', 'admit'));
$t->load(@load);
# the other way in
is($t->put('/dev/r4/Bundle/m2', message('m2', 'discharge'))->status, 201, 'a Bundle is created');
sub stored { my ($put, $status, $name) = @_; is($put->status, $status, $name) or diag($put->body); return }
stored($t->put('/dev/r4/Bundle/none', { resourceType => 'Bundle', id => 'none', type => 'collection',
    entry => [ { fullUrl => "$there/Patient/c1", resource => { resourceType => 'Patient', id => 'c1' } } ] }), 201,
    'one without');

sub found {
    my ($path) = @_;
    return join ' ', sort map { $_->{resource}{id} } @{ $t->get("/dev/r4/$path")->json->{entry} || [] };
}
for (
    [ 'Bundle?composition.status=final'                          => 'b1 b3' ],
    [ 'Bundle?composition.status=preliminary'                    => '' ],
    [ 'Bundle?composition:Composition.status=amended'            => 'b2' ],
    [ 'Bundle?composition.status:not=final'                      => 'b2' ],
    [ 'Bundle?composition.type=http://loinc.org|60591-5&_sort=identifier' => 'b1 b2 b3' ],
    [ 'Bundle?composition.type:text=patient'                     => 'b1 b2 b3' ],
    [ 'Bundle?composition.title=a%20amended'                     => 'b2' ],
    [ 'Bundle?composition.date=ge2024-05-01&composition.status=final' => 'b1 b3' ],
    # relative references are below the root of the entry's fullUrl
    [ 'Bundle?composition.patient=p1'                            => 'b1' ],
    [ 'Bundle?composition.subject=Patient/p1'                    => 'b1' ],
    [ "Bundle?composition.subject=$there/Patient/p1"             => 'b3' ],
    [ "Bundle?composition.subject=$inside->{reference}"          => 'b2' ],
    [ 'Bundle?composition=c1'                                    => 'b1' ],
    [ 'Bundle?composition._id=c1'                                => 'b1' ],
    [ 'Bundle?composition:missing=false'                         => 'b1 b2 b3' ],
    [ 'Bundle?composition._text=nothing'                         => '' ],
    [ 'Bundle?message.event=admit'                               => 'm1' ],
    [ 'Bundle?message.event=urn:e|discharge'                     => 'm2' ],
    [ 'Bundle?message:MessageHeader.event=admit,discharge'       => 'm1 m2' ],
    [ 'Bundle?_filter=composition.status%20eq%20final'           => 'b1 b3' ],
    # what is inside of a Bundle is not contained in it
    [ 'Composition?_contained=both'                              => 'c1' ],
    [ 'Composition?status=final&_contained=true'                 => '' ],
    [ 'Bundle?_id=b1&_include=*'                                 => 'b1' ],
    [ 'Bundle?_id=b1&_include=Bundle:*'                          => 'b1' ],
    [ 'Composition?_id=c1&_revinclude=Bundle:*'                  => 'c1' ],
    )
{
    is(found($_->[0]), $_->[1], "$_->[0] finds '$_->[1]'");
}

# ---- what would follow it is refused ----
for (
    'Bundle?composition.patient.name=stored', 'Bundle?composition.subject:Patient.name=stored',
    'Bundle?composition._has:List:item:code=x', 'Bundle?composition._list=1',
    'Bundle?composition._filter=status%20eq%20final', 'Composition?_has:Bundle:composition:type=document',
    'MessageHeader?_has:Bundle:message:type=message', 'Bundle?_include=Bundle:composition',
    'Bundle?_include=Bundle:message:MessageHeader', 'Composition?_revinclude=Bundle:composition',
    )
{
    my $response = $t->get("/dev/r4/$_");
    is($response->status, 400, "$_ is refused");
    like($response->body, qr/inside of (?:the Bundle|it)/, '... and says why');
}
my $lenient = $t->get('/dev/r4/Bundle?_id=b1&_include=Bundle:composition', Prefer => 'handling=lenient');
like($lenient->body, qr/_include was ignored/, 'lenient handling ignores it and says so');
my ($bundle) = grep { $_->{type} eq 'Bundle' } @{ $t->get('/dev/r4/metadata')->json->{rest}[0]{resource} };
is_deeply($bundle->{searchInclude} || [], [], 'metadata declares no include of Bundle');

# ---- with the Bundle it changes and goes ----
stored($t->put('/dev/r4/Bundle/b1', document('b1', composition('c1', 'amended', subject => $inside))), 200,
    'an update');
is(found('Bundle?composition.status=final'), 'b3',   'the old first entry is not found');
is(found('Bundle?composition.status=amended'), 'b1 b2', '... the new one is');
is($t->put('/dev/r4/Bundle/b2', { resourceType => 'Bundle', id => 'b2', type => 'collection' })->status, 200,
    'a Bundle loses its entries');
is($t->delete('/dev/r4/Bundle/b3')->status, 204, 'another one is deleted');
is(found('Bundle?composition.status:missing=false'), 'b1', 'both are not found');
is($t->psql('SELECT string_agg(holder_id, $$ $$ ORDER BY holder_id) FROM main.composition_contained'), 'b1',
    'and their rows are gone');

# ---- Bundles that were stored before there were rows ----
$t->psql('DELETE FROM main.composition_contained; DELETE FROM main.messageheader_contained');
is(found('Bundle?composition.status=amended'), '', 'without its row a first entry is not found');
is($t->fhirctl(qw(init))->{status}, 0, 'fhirctl init runs');
is(found('Bundle?composition.status=amended'), 'b1',    'fhirctl init makes it');
is(found('Bundle?message.event=admit,discharge'), 'm1 m2', '... for messages, too');

$t->done;
