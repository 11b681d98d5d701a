# SPDX-License-Identifier: Apache-2.0
# SMART App Launch 1.0.0 on DSTU2 bases: no PKCE, Basic at the token endpoint, scopes of v1 in DSTU2's names; what
# they open and what not; and clients of that generation with the token: fhir.js, fhirclient, Ruby's fhir_client.
use strict;
use warnings;
use FHIR::Test;
use FHIR::Test::Auth;
use FHIR::Test::Node qw(node);
use FHIR::Test::System qw(run source_dir);
use JSON::PP ();
use Test::More;

my $both = sub { my ($path, $what) = @_; return map { <<"CONF" } qw(r4 dstu2) };
<Location "/$path/$_">
    FHIREndpoint \U$_\E $what
    FHIRTenant main
    FHIRInteractions read vread search history create update operation
    @{[ $what eq 'open' ? 'Require local' : '' ]}
</Location>
CONF
my $t = FHIR::Test->new(endpoints => join '', $both->('fhir', 'provider'), $both->('open', 'patient'),
    $both->('dev', 'open'));
my $w = world($t);
$t->load(
    { resourceType => 'Medication', id => 'med', code => { text => 'Aspirin' } },
    (map { { resourceType => 'MedicationRequest', id => "m$_", status => 'active', intent => 'order',
        authoredOn => '2020', subject => { reference => "Patient/p$_" },
        requester => { reference => 'Practitioner/doc' },
        medicationReference => { reference => 'Medication/med' } } } 1, 2),
    { resourceType => 'CareTeam', id => 't1', status => 'active', subject => { reference => 'Patient/p1' } },
    { resourceType => 'PractitionerRole', id => 'role', practitioner => { reference => 'Practitioner/doc' },
        code => [ { text => 'r' } ] });
my ($staff, $patients) = map { $t->url($_) } '/fhir/dstu2', '/open/dstu2';

# A launch without PKCE.
sub launch {
    my ($base, $user, $scope, %o) = @_;
    my ($request) = $w->request($base, 'conf', $scope);
    delete @$request{ qw(code_challenge code_challenge_method) };
    my $answer = $w->browser->authorize($base, $request, user => $user, password => $FHIR::Test::Auth::PASSWORD, %o);
    my %back = FHIR::Test::Browser::params($answer->header('Location') // '');
    my $token = $w->form($base, 'token', [ grant_type => 'authorization_code', code => $back{code},
        redirect_uri => $FHIR::Test::Auth::CALLBACK ], $w->basic);
    is($token->status, 200, "$scope: a token") or diag($token->body, $answer->body);
    return $token->json;
}
sub get { my ($path, $token, %h) = @_; return $t->get($path, bearer($token->{access_token}), %h) }

# ---- where the endpoints are ----

my ($security) = map { $_->{security} } @{ $t->get('/open/dstu2/metadata')->json->{rest} };
my ($uris) = grep { $_->{url} =~ /oauth-uris$/ } @{ $security->{extension} };
my %uri = map { $_->{url} => $_->{valueUri} } @{ $uris->{extension} };
my $configuration = $t->get('/open/dstu2/.well-known/smart-configuration')->json;
is_deeply([ @uri{ qw(authorize token) } ], [ @$configuration{ qw(authorization_endpoint token_endpoint) } ],
    'Conformance and smart-configuration say the same');
is($security->{service}[0]{coding}[0]{code}, 'SMART-on-FHIR', 'the service');
is_outcome($t->get('/open/dstu2/Patient/p1'), 401, 'login', qr/access token/, 'without a token');

# ---- a patient ----

my $token = launch($patients, 'amara',
    'launch/patient patient/Patient.read patient/Observation.read patient/MedicationOrder.read '
        . 'patient/Medication.read');
is($token->{patient}, 'p1', 'the patient of the launch');
like($token->{scope}, qr{patient/MedicationOrder\.read}, 'the scopes are told as they were asked');
is(get('/open/dstu2/Patient/p1', $token)->status, 200, 'the patient');
is(get('/open/dstu2/Patient/p2', $token)->status, 404, 'no other one');
is(join(' ', get('/open/dstu2/MedicationOrder', $token)->ids), 'm1', 'orders of the patient');
is(get('/open/dstu2/MedicationOrder/m2', $token)->status, 404, "not another's");
is(get('/open/dstu2/Observation', $token)->json->{total}, 2, 'observations');
my $refused = get('/open/dstu2/Condition', $token);
is_outcome($refused, 403, 'forbidden', qr{patient/Condition\.read would be sufficient}, 'what was not asked for');
like($refused->header('WWW-Authenticate'), qr{scope="patient/Condition\.read"}, 'in the words of v1');
is(get('/open/r4/Patient/p1', $token)->status, 401, 'the token is for one base');
is(get('/fhir/dstu2/Patient/p1', $token)->status, 401, 'of one audience');
my ($r4) = $w->launch($w->{patients}, 'conf', 'amara', 'launch/patient patient/*.read');
is(get('/open/dstu2/Patient/p1', $r4)->status, 401, 'nor is one of the R4 base taken here');

# ---- what names open ----

my $statement = launch($patients, 'amara', 'launch/patient patient/MedicationStatement.read');
is(join(' ', get('/open/dstu2/MedicationStatement', $statement)->ids), 'mr-m1', 'statements made of orders');
my $plan = launch($patients, 'amara', 'launch/patient patient/CarePlan.read patient/MedicationRequest.read');
is(join(' ', get('/open/dstu2/CarePlan?category=careteam', $plan)->ids), 'ct-t1', 'care teams');
unlike($plan->{scope}, qr/MedicationRequest/, 'a type that DSTU2 has not is no scope here');
is(get('/open/dstu2/MedicationOrder', $plan)->status, 403, 'and opens nothing');

# ---- staff who write ----

my $write = launch($staff, 'clinician', 'launch/patient user/MedicationOrder.write user/Practitioner.read',
    find => 'amara OKAFOR', patient => 'p1');
my %order = (resourceType => 'MedicationOrder', status => 'active', dateWritten => '2021',
    patient => { reference => 'Patient/p1' }, medicationCodeableConcept => { text => 'x' });
my @json = ('Content-Type' => 'application/json+fhir');
my $json = JSON::PP->new->utf8;
my $made = $t->post('/fhir/dstu2/MedicationOrder', $json->encode(\%order), bearer($write->{access_token}), @json);
is($made->status, 201, 'an order is written') or diag($made->body);
is($t->post('/fhir/dstu2/MedicationStatement', $json->encode({ resourceType => 'MedicationStatement',
    status => 'active', patient => { reference => 'Patient/p1' }, medicationCodeableConcept => { text => 'x' } }),
    bearer($write->{access_token}), @json)->status, 403, 'nothing else');
is(scalar @{ get('/fhir/dstu2/Practitioner/doc', $write)->json->{practitionerRole} }, 1, 'a practitioner has roles');

# ---- clients ----

my $argument = $json->encode({ base => $patients, token => $token->{access_token}, patient => 'p1',
    open => $t->url('/dev/dstu2') });

sub client {
    my ($name, $done) = @_;
    for (split /\n/, $done->{out}) {
        if (/^(ok|not ok) \d+ - (.*)/) { ok($1 eq 'ok', $2) }
        elsif (/^# (.*)/) { diag($1) }
    }
    is($done->{status}, 0, "$name is content") or diag($done->{err});
    return;
}
client('fhir.js and fhirclient', node('dstu2-clients.js', $argument));
SKIP: {
    skip 'the gem fhir_client is not installed', 1 if run({}, 'ruby', '-e', 'gem "fhir_client"')->{status};
    client('fhir_client', run({}, 'ruby', source_dir() . '/t/ruby/dstu2-client.rb', $argument));
}
$t->done;
