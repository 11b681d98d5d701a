#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Every form of a reference, as it is stored and as it is searched for.
# Source: http://hl7.org/fhir/R4/search.html#reference
use strict;
use warnings;
use FHIR::Test;
use Test::More;

my $t = FHIR::Test->new(endpoints => <<'CONF');
<Location "/dev/r4">
    FHIREndpoint R4 open
    FHIRTenant main
    FHIRInteractions all
    FHIRReferencesCheck Off
    FHIRRequireIfMatch Off
    FHIRUpdateCreate On
    Require local
</Location>
CONF
my $base  = $t->url('/dev/r4');
my $other = 'http://other.example/fhir';
my $urn   = 'urn:uuid:53fefa32-fcbb-4ff8-8a92-55ee120877b7';

my %stored = (
    relative => { reference => 'Patient/x' }, version => { reference => 'Patient/x/_history/2' },
    absolute => { reference => "$base/Patient/x" }, 'absolute-version' => { reference => "$base/Patient/x/_history/3" },
    foreign => { reference => "$other/Patient/x" }, 'foreign-version' => { reference => "$other/Patient/x/_history/1" },
    urn => { reference => $urn }, group => { reference => 'Group/x' }, contained => { reference => '#p' },
    logical => { type => 'Patient', identifier => { system => 'urn:s', value => 'v' } },
);
my @local = qw(absolute absolute-version relative version);

for my $id (sort keys %stored) {
    my @contained = $id eq 'contained' ? (contained => [ { resourceType => 'Patient', id => 'p',
            name => [ { family => 'Inside' } ] } ]) : ();
    my $response = $t->put("/dev/r4/Observation/$id",
        { resourceType => 'Observation', id => $id, status => 'final', code => { text => 'x' }, subject => $stored{$id},
            @contained });
    is($response->status, 201, "stored: $id") or diag($response->body);
}
is($t->put('/dev/r4/Patient/x', { resourceType => 'Patient', id => 'x', name => [ { family => 'Xavier' } ] })->status,
    201, 'the patient');

for (
    # an id alone may be of any type that the parameter speaks of
    [ 'subject=x', @local, 'group' ], [ 'patient=x', @local ], [ 'subject:Patient=x', @local ],
    [ 'subject:Group=x', 'group' ],
    [ 'subject=Patient/x', @local ], [ 'subject:Patient=Patient/x', @local ], [ 'patient=Patient/x', @local ],
    [ 'subject=Group/x', 'group' ],
    # absolute; the version of a reference does not count
    [ "subject=$base/Patient/x", @local ], [ 'subject=Patient/x/_history/9', @local ],
    [ "subject=$base/Patient/x/_history/9", @local ],
    [ "subject=$other/Patient/x", qw(foreign foreign-version) ], [ "subject=$other/Patient/x/_history/7",
        qw(foreign foreign-version) ],
    [ "patient=$other/Patient/x", qw(foreign foreign-version) ], [ "subject:Patient=$other/Patient/x",
        qw(foreign foreign-version) ],
    [ "subject=$urn", 'urn' ], [ 'subject=%23p', 'contained' ],
    # by identifier
    [ 'subject:identifier=urn:s|v', 'logical' ], [ 'patient:identifier=urn:s|v', 'logical' ],
    [ 'subject:identifier=v', 'logical' ],
    [ 'subject:identifier=|v' ], [ 'subject:identifier=urn:s|', 'logical' ],
    # chained
    [ 'subject.family=Xav', @local ], [ 'subject:Patient.family=Xav', @local ], [ 'patient.family=Xav', @local ],
    [ 'subject:Patient.family=Ins', 'contained' ],
    # lists, presence
    [ 'subject=x,Group/x', @local, 'group' ], [ "subject=Patient/x,$other/Patient/x", @local,
        qw(foreign foreign-version) ],
    [ 'subject:missing=true' ], [ 'subject:missing=false', keys %stored ], [ 'patient:missing=false', @local,
        qw(foreign foreign-version) ],
    )
{
    my ($query, @expected) = @$_;
    my $response = $t->get("/dev/r4/Observation?$query");
    my $found = $response->status == 200 ? join ' ', sort map { $_->{resource}{id} } @{ $response->json->{entry} || [] }
        : $response->body;
    is($found, join(' ', sort @expected), $query);
}

# ---- a reference to a patient among more than a tsvector holds ----
my @crowd = map { { reference => "Practitioner/\L" . 'x' x 40 . "-$_" } } 1 .. 25000;
$t->load({ resourceType => 'Observation', id => 'crowd', status => 'final', code => { text => 'crowd' },
        performer => [ @crowd, { reference => 'Patient/p9' } ] });
is($t->get('/dev/r4/Observation?performer=Patient/p9')->found, 'crowd', 'performer');
is($t->get('/dev/r4/Observation?performer=Patient/p8')->found, '', 'of another');
is($t->get('/dev/r4/Patient/p9/Observation')->found, 'crowd', 'in the compartment');
$t->psql(q{DELETE FROM main.observation WHERE id = 'crowd'});

$t->done;
