#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# $validate at all levels: modes, profiles, JSON and XML, body and Parameters; what writes refuse.
use strict;
use warnings;
use FHIR::Test;
use JSON::PP ();
use Test::More;

my $CORE   = 'http://hl7.org/fhir/us/core/StructureDefinition';
my $SYSTEM = 'urn:mod_fhir:validation';
my $json   = JSON::PP->new->canonical;

sub endpoint {
    my ($name, @lines) = @_;
    return join "\n", "<Location /$name>", 'FHIREndpoint R4 open', 'Require local', @lines, "</Location>\n";
}
my $t = FHIR::Test->new(
    endpoints => endpoint('fhir', 'FHIRInteractions all')
        . endpoint('strict', 'FHIRInteractions all', 'FHIRValidate profile')
        . endpoint('lax', 'FHIRInteractions all', 'FHIRValidate structure')
        . endpoint('readonly', 'FHIRInteractions read')
);

sub post {
    my ($path, $body, $type, $endpoint) = @_;
    $body = $json->encode($body) if ref $body;
    $endpoint ||= 'fhir';
    return $t->post("/$endpoint/$path", $body, 'Content-Type' => $type || 'application/fhir+json');
}

# "severity id expression" of each issue of an outcome, sorted.
sub findings {
    my $answer  = shift;
    my $outcome = $answer->json;
    is($outcome->{resourceType}, 'OperationOutcome', 'an OperationOutcome');
    return join ' / ', sort map {
        my $coding = $_->{details}{coding}[0] || {};
        is($coding->{system}, $SYSTEM, 'the message id has its system') if %$coding;
        join ' ', $_->{severity}, $coding->{code} || $_->{code}, @{ $_->{expression} || [] };
    } grep { ($_->{details}{coding}[0]{code} || '') ne 'dom-6' } @{ $outcome->{issue} };
}

sub holds {
    my ($path, $body, $expected, $name, $type) = @_;
    my $answer = post($path, $body, $type);
    is($answer->status, 200, "$name: 200") or diag $answer->body;
    is(findings($answer), $expected, $name);
    return;
}

my %good     = (resourceType => 'Patient', birthDate => '1970-01-02');
my $fine     = '';                               # but for dom-6, which findings() leaves out
my %period   = (resourceType => 'Patient', name => [ { period => { start => '2020', end => '2019' } } ]);
my $bad_xml  = '<Patient xmlns="http://hl7.org/fhir"><birthDate value="1970-13-01"/></Patient>';
my $good_xml = '<Patient xmlns="http://hl7.org/fhir"><birthDate value="1970-12-01"/></Patient>';
my $odd_xml  = '<Patient xmlns="http://hl7.org/fhir"><nothing value="1"/></Patient>';
my $profile  = "$CORE/us-core-patient";

holds('Patient/$validate', \%good, $fine, 'a good resource');
holds('$validate',         \%good, $fine, 'on the system');
holds('Patient/$validate', { %good, gender => 'x' }, 'error binding-required Patient.gender', 'a bad code');
holds('Patient/$validate', \%period, 'error per-1 Patient.name[0].period', 'an invariant');
holds('Observation/$validate', \%good, 'error resource-type Patient', 'another type than that of the URL');
holds('Patient/$validate', $good_xml, $fine, 'good XML', 'application/fhir+xml');
holds('Patient/$validate', $bad_xml, 'error primitive-format Patient.birthDate', 'a bad value in XML',
    'application/fhir+xml');
like(findings(post('Patient/$validate', $odd_xml, 'application/fhir+xml')), qr/^error xml/,
    'an unknown element in XML');
is(post('Patient/$validate', '{')->status, 400, 'what cannot be read is 400');
is(post('Patient/$validate?mode=x', \%good)->status, 400, 'an unknown mode');
is(post('Patient/$validate?what=x', \%good)->status, 400, 'an unknown parameter');
is($t->get('/fhir/Patient/$validate')->status, 400, 'nothing to validate');
is(post('Patient/$validate', \%good, undef, 'readonly')->status, 405, 'not offered without operation');

# profiles
my $needed = join ' / ', ('error profile-min Patient') x 2;    # identifier, name
holds("Patient/\$validate?profile=$profile", \%good, $needed, 'a profile in the URL');
holds('Patient/$validate', { %good, meta => { profile => [$profile] } }, $needed, 'a profile in meta');
holds("Patient/\$validate?profile=$profile|2.0", \%good, 'error profile-unknown Patient', 'an unknown version');
my %parameters = (
    resourceType => 'Parameters',
    parameter    => [
        { name => 'resource', resource => \%good },
        { name => 'profile',  valueUri => "$profile|6.1.0" },
        { name => 'mode',     valueCode => 'create' },
    ],
);
holds('Patient/$validate', \%parameters, "$needed / error profile-min Patient", 'Parameters; 6.1.0 asks for gender');
holds('$validate', { resourceType => 'Parameters', parameter => [ { name => 'x' } ] },
    'error inv-1 Parameters.parameter[0]', 'a Parameters that is itself validated');

# releases of US Core: asked for, claimed, or any that fits
sub sex { return { %good, extension => [ { url => "$CORE/us-core-sex", @_ } ] } }
my %code   = (valueCode => '248152002');
my %coding = (valueCoding => { system => 'http://snomed.info/sct', code => '248152002' });
my $type   = 'error profile-type Patient.extension[0].value.ofType(%s)';
my $unsure = 'information binding-unknown Patient.extension[0].value.ofType(%s)';
sub at { return sprintf shift, shift }
holds('Patient/$validate?release=6.1.0', sex(%code),   at($unsure, 'code'),   '6.1.0: sex is a code');
holds('Patient/$validate?release=6.1.0', sex(%coding), at($type,   'Coding'), '  and no Coding');
holds('Patient/$validate?release=8.0.0', sex(%coding), at($unsure, 'Coding'), '8.0.0: sex is a Coding');
holds('Patient/$validate?release=8.0.0', sex(%code),   at($type,   'code'),   '  and no code');
holds('Patient/$validate', sex(%code),   at($unsure, 'code'),   'without a release either one holds');
holds('Patient/$validate', sex(%coding), at($unsure, 'Coding'), '  both');
holds('Patient/$validate', { resourceType => 'Parameters',
        parameter => [ { name => 'resource', resource => sex(%code) },
            { name => 'release', valueString => '8.0.0' } ] },
    at($type, 'code'), 'a release in Parameters');
is_outcome(post('Patient/$validate?release=6.1', \%good), 400, 'invalid',
    qr/"6\.1" is not a valid value for release, which accepts .*6\.1\.0, 7\.0\.0, 8\.0\.0/, 'no release');
is(post('Patient', { %{ sex(%code) }, meta => { profile => ["$profile|8.0.0"] } }, undef, 'strict')->status, 422,
    'a write is held against the release that the resource claims');
is(post('Patient', sex(%code), undef, 'strict')->status, 201, '  or against any');

# modes
holds('Patient/$validate?mode=create', { %good, id => '1' }, 'error create-id Patient.id', 'create with an id');
holds('Patient/$validate?mode=update', \%good, 'error update-id Patient', 'update without an id');
my $made = post('Patient', \%good);
is($made->status, 201, 'created');
my ($id) = $made->header('Location') =~ m{Patient/([^/]+)};
holds("Patient/$id/\$validate?mode=update", { %good, id => $id }, $fine, 'an update');
holds("Patient/$id/\$validate?mode=update", { %good, id => 'other' }, 'error update-id Patient.id', 'another id');
holds("Patient/$id/\$validate?mode=delete", '', 'information informational', 'a delete');
is(post('Patient/none/$validate?mode=delete', '')->status, 404, 'nothing to delete');
is(post('Patient/$validate?mode=delete',      '')->status, 400, 'a delete of nothing');
my $stored = $t->get("/fhir/Patient/$id/\$validate?profile=$profile");
is($stored->status,    200,     'the stored resource');
is(findings($stored),  $needed, 'against a profile');

# writes
my %status = (fhir => [ 422, 201 ], strict => [ 422, 422 ], lax => [ 201, 201 ]);
for my $endpoint (sort keys %status) {
    for my $case ([ \%period, 0 ], [ { %good, meta => { profile => [$profile] } }, 1 ]) {
        is(post('Patient', $case->[0], undef, $endpoint)->status, $status{$endpoint}[ $case->[1] ],
            "$endpoint, case $case->[1]");
    }
}
$t->done;
