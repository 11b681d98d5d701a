# SPDX-License-Identifier: Apache-2.0
# What tests of the authorization server have in common: a few patients, users, applications with their
# licences, and the way from an authorization request to a token.
package FHIR::Test::Auth;

use strict;
use warnings;
use Exporter 'import';
use FHIR::Test::Browser;
use FHIR::Test::System qw(work_dir write_file);
use JSON::PP           ();
use Test::More;

our @EXPORT = qw(bearer world);

our $PASSWORD = 'correct horse battery';
our $CALLBACK = 'http://127.0.0.1:9/callback';

sub bearer { return (Authorization => "Bearer $_[0]") }

# A world in a FHIR::Test: users clinician (staff), amara, both, late (patients), all with $PASSWORD;
# applications conf (secret), pub (public), back (backend, key). httpd: another server on the same database.
sub world {
    my ($t)  = @_;
    my $self = bless { t => $t, httpd => $t->httpd }, __PACKAGE__;
    $t->load(
        {   resourceType => 'Patient',
            id           => 'p1',
            active       => JSON::PP::true,
            name         => [ { family => 'Okafor', given => [ 'Amara' ] } ],
            birthDate    => '1970-03-21',
            identifier => [ { type => { coding => [ { code => 'MR' } ] }, system => 'urn:mrn', value => 'A-1001' } ],
            telecom    => [ { system => 'phone', value => '555-0100' } ] },
        {   resourceType => 'Patient',
            id           => 'p2',
            name         => [ { family => 'Okafor', given => [ 'Ben' ] } ],
            birthDate    => '1981-01-01' },
        {   resourceType    => 'Patient',
            id              => 'dead',
            name            => [ { family => 'Gone' } ],
            deceasedBoolean => JSON::PP::true },
        { resourceType => 'Practitioner', id => 'doc', name => [ { family => 'Doctor' } ] },
        {   resourceType => 'RelatedPerson',
            id           => 'mother',
            patient      => { reference => 'Patient/p2' },
            active       => JSON::PP::true },
        {   resourceType => 'Person',
            id           => 'both',
            link         => [
                { target => { reference => 'Patient/p1' } }, { target => { reference => 'RelatedPerson/mother' } } ]
        },
        {   resourceType => 'Encounter',
            id           => 'e1',
            status       => 'finished',
            class        => { code      => 'AMB' },
            subject      => { reference => 'Patient/p1' } },
        map {
            (   {   resourceType => 'Observation',
                    id           => "o$_",
                    status       => 'final',
                    subject      => { reference => "Patient/p$_" },
                    code         => { coding    => [ { system => 'http://loinc.org', code => '8867-4' } ] },
                    category     => [
                        {   coding => [
                                {   system => 'http://terminology.hl7.org/CodeSystem/observation-category',
                                    code   => 'vital-signs' } ] } ] },
                {   resourceType => 'Observation',
                    id           => "l$_",
                    status       => 'final',
                    subject      => { reference => "Patient/p$_" },
                    code         => { text      => 'lab' },
                    category     => [
                        {   coding => [
                                {   system => 'http://terminology.hl7.org/CodeSystem/observation-category',
                                    code   => 'laboratory' } ] } ] })
        } 1,
        2);
    $self->{ file } = write_file(work_dir() . '/password', "$PASSWORD\n");
    my @password = ('--password-file', $self->{ file });
    $self->ctl(
        'user',       'add',        'clinician',        '--kind', 'staff', '--display',
        'Dr. Doctor', '--resource', 'Practitioner/doc', @password);
    my %patients = (amara => 'Patient/p1', both => 'Person/both', late => 'Patient/dead');
    $self->ctl('user', 'add', $_, '--kind', 'patient', '--resource', $patients{ $_ }, @password)
        for sort keys %patients;
    my @app = ('app', 'add', '--redirect', $CALLBACK, '--licence');
    ($self->{ secret }) =
        $self->ctl(@app, 'Confidential', '--id', 'conf', '--launch-url', 'http://127.0.0.1:9/launch') =~
        /client_secret\t(\S+)/;
    $self->ctl(@app, 'Public', '--id', 'pub', '--public');
    $self->{ key } = work_dir() . '/backend.pem';
    $self->ctl(
        'app',   'add',          'Backend', '--id',        'back', '--backend',
        '--key', $self->{ key }, '--scope', 'system/*.rs', '--licence');
    @$self{ qw(staff patients) } = map { $t->url($_) } '/fhir/r4', '/open/r4';
    return $self;
}

# fhirctl, which must succeed; its output without the last newline.
sub ctl {
    my ($self, @arguments) = @_;
    my $done = $self->{ t }->fhirctl(@arguments);
    die "fhirctl @arguments: $done->{err}" if $done->{ status };
    return $done->{ out } =~ s/\n\z//r;
}

sub browser { my ($self) = @_; return FHIR::Test::Browser->new($self->{ httpd }) }
sub basic   { my ($self) = @_; return (Authorization => FHIR::Test::Browser::basic('conf', $self->{ secret })) }

# POST of a form to an address below [base]/auth.
sub form {
    my ($self, $base, $name, $pairs, %headers) = @_;
    return $self->browser->post("$base/auth/$name", $pairs, %headers);
}

# An authorization request's parameters, and its verifier.
sub request {
    my ($self, $base, $client, $scope, %more) = @_;
    my ($verifier, $challenge) = FHIR::Test::Browser::pkce();
    return (
        {   response_type         => 'code',
            client_id             => $client,
            redirect_uri          => $CALLBACK,
            scope                 => $scope,
            state                 => 'st&te',
            aud                   => $base,
            code_challenge        => $challenge,
            code_challenge_method => 'S256',
            %more },
        $verifier);
}

# To the code: ({ code, state, … }, verifier, browser, last answer).
sub code {
    my ($self, $base, $client, $user, $scope, %o) = @_;
    my $browser = $o{ browser } || $self->browser;
    my ($request, $verifier) = $self->request($base, $client, $scope, %{ $o{ params } || {} });
    my $answer = $browser->authorize($base, $request, user => $user, password => $PASSWORD, %o);
    return ({ FHIR::Test::Browser::params($answer->header('Location') // '') }, $verifier, $browser, $answer);
}

sub redeem {
    my ($self, $base, $client, $code, $verifier) = @_;
    return $self->form(
        $base, 'token',
        [   grant_type    => 'authorization_code',
            code          => $code,
            redirect_uri  => $CALLBACK,
            code_verifier => $verifier,
            $client eq 'pub' ? (client_id => 'pub') : () ],
        $client eq 'pub' ? () : $self->basic);
}

# To the token, with checks on the way: (the answer as data, browser).
sub launch {
    my ($self, $base, $client, $user, $scope, %o) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my ($back, $verifier, $browser, $answer) = $self->code($base, $client, $user, $scope, %o);
    is($answer->status,  303,     "$scope: back to the app") or diag($answer->body);
    is($back->{ state }, 'st&te', '  with its state');
    is($back->{ iss },   $base,   '  and the issuer');
    my $token = $self->redeem($base, $client, $back->{ code }, $verifier);
    is($token->status, 200, '  a token') or diag($token->body);
    return ($token->json, $browser);
}

# A token of the backend service.
sub backend {
    my ($self, $scope, %o) = @_;
    my $base = delete $o{ base } // $self->{ staff };
    return $self->form(
        $base,
        'token',
        [   grant_type            => 'client_credentials',
            scope                 => $scope,
            client_assertion_type => 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
            client_assertion      =>
                FHIR::Test::Browser::assertion('back', "$base/auth/token", $self->{ key }, %o) ]);
}

1;
