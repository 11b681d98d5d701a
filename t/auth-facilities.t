# SPDX-License-Identifier: Apache-2.0
# A licence that is limited to facilities: who may use the app by which records, at sign-in, with a token, at refresh;
# how it is decided in the portal and by fhirctl, and what everybody is told.
use strict;
use warnings;
use FHIR::Test;
use FHIR::Test::Auth;
use FHIR::Test::Portal;
use Test::More;

my $p = FHIR::Test::Portal->new;
my ($t, $w) = @$p{ qw(t world) };
my ($true, $false) = (JSON::PP::true, JSON::PP::false);

sub organization {
    my ($id, $name, $active) = @_;
    return { resourceType => 'Organization', id => $id, name => $name, active => $active // $true };
}
sub place {
    my ($id, $of, $status) = @_;
    return { resourceType => 'Location', id => $id, status => $status // 'active', name => $id,
        managingOrganization => { reference => "Organization/$of" } };
}
sub role {
    my ($at, %more) = @_;
    my ($id, $who) = (delete $more{id} // 'r1', delete $more{who} // 'doc');
    return { resourceType => 'PractitionerRole', id => $id, practitioner => { reference => "Practitioner/$who" },
        $at =~ /^Org/ ? (organization => { reference => $at }) : $at ? (location => [ { reference => $at } ]) : (),
        %more };
}
sub patient {
    my ($id, $of) = @_;
    return { resourceType => 'Patient', id => $id, name => [ { family => 'Okafor' } ],
        $of ? (managingOrganization => { reference => "Organization/$of" }) : () };
}
$t->load(organization('north', 'North <Clinic>'), organization('south', 'South Clinic'),
    organization('shut', 'Shut Clinic', $false), organization('payer', 'A Payer'), place('room', 'north'),
    place('old-room', 'north', 'inactive'), place('hall', 'south'));

# ---- deciding: fhirctl ----
my %cannot = (
    'one that does not exist' => [ [ '--facility', 'north,none' ], qr/no active organization with this id: none/ ],
    'one that is not active'  => [ [ '--facility', 'shut' ], qr/no active organization with this id: shut/ ],
    'with programs without a user' =>
        [ [ '--facility', 'north', '--for', 'staff,system' ], qr/belongs to no facility/ ],
    'too many' => [ [ '--facility', join ',', 1 .. 101 ], qr/at most 100/ ],
);
for my $what (sort keys %cannot) {
    my $done = $t->fhirctl('licence', 'give', 'conf', @{ $cannot{$what}[ 0 ] });
    isnt($done->{status}, 0, "facilities: not $what");
    like($done->{err}, $cannot{$what}[ 1 ], '  with the reason');
}
$w->ctl('licence', 'give', $_, '--facility', 'north') for qw(conf pub);
like($w->ctl('licence', 'list'), qr/^conf\tConfidential\tgiven\tstaff,patients\t.*\tnorth$/m, 'fhirctl licence list');

# ---- who may ----
my %browser;

# "in", or the name of the refusal, of an authorization request.
sub verdict {
    my ($base, $user) = @_;
    my ($back, undef, $browser, $answer) = $w->code($base, 'conf', $user, 'launch/patient patient/*.rs offline_access',
        find => 'okafor', patient => 'p1', browser => $browser{$user});
    $browser{$user} = $browser;
    return $back->{code} ? 'in' : $answer->body =~ /help#([\w-]+)/ ? $1 : $answer->status . $answer->body;
}
my $out = 'outside-facilities';
my ($gone, $later) = ({ end => '2020-01-01' }, { start => '2999-01-01' });
my @staff = (
    [ 'no role', $out ],
    [ 'a role at the facility', 'in', role('Organization/north', active => $true) ],
    [ 'a role elsewhere', $out, role('Organization/south', active => $true) ],
    [ 'an inactive role', $out, role('Organization/north', active => $false) ],
    [ 'a role that does not say whether it is active', 'in', role('Organization/north') ],
    [ 'a role that has ended', $out, role('Organization/north', period => $gone) ],
    [ 'a role that has not begun', $out, role('Organization/north', period => $later) ],
    [ 'a role that has begun', 'in',
        role('Organization/north', period => { start => '2020-01-01', end => '2999-01-01' }) ],
    [ 'a role at a place of the facility', 'in', role('Location/room') ],
    [ 'a role at a place of another', $out, role('Location/hall') ],
    [ 'a role at a place that is closed', $out, role('Location/old-room') ],
    [ 'a role at no place', $out, role('') ],
    [ 'the role of another', $out, role('Organization/north', who => 'other') ],
    [ 'two roles, one at the facility', 'in', role('Organization/south'), role('Location/room', id => 'r2') ],
);
for my $row (@staff) {
    my ($what, $expected, @roles) = @$row;
    $t->psql('DELETE FROM main.practitionerrole');
    $t->load(@roles) if @roles;
    is(verdict($w->{staff}, 'clinician'), $expected, "staff: $what");
}
$t->load(organization('north', 'North <Clinic>', $false));
is(verdict($w->{staff}, 'clinician'), $out, 'staff: a facility that is not active any more');
$t->load(organization('north', 'North <Clinic>'));
for my $row ([ 'of the facility', 'in', 'north' ], [ 'of another', $out, 'south' ], [ 'of none', $out, undef ]) {
    $t->load(patient('p1', $row->[ 2 ]));
    is(verdict($w->{patients}, 'amara'), $row->[ 1 ], "patients: $row->[0]");
}
is(verdict($w->{patients}, 'both'), $out, '  also for somebody who acts for them');
is($t->psql("SELECT DISTINCT parameter, received, expected FROM main.fhir_refusal WHERE error = '$out' ORDER BY 2"),
    "facility|a member of the staff without a role at one of them|a PractitionerRole that is active now, at one of: "
        . "North <Clinic>\nfacility|a patient of none of them|Patient.managingOrganization is one of: North <Clinic>",
    '"Why was I refused?" has what is checked, and no ids of people');

# ---- programs without a user ----
$t->psql("UPDATE main.fhir_licence SET system = false, facilities = '{north}' WHERE client = 'back'");
my $refused = $w->backend('system/Patient.rs');
is($refused->status . $refused->json->{error}, '400unauthorized_client', 'a program without a user is at no facility');
like($refused->json->{error_description}, qr/people of: North <Clinic>; a program without a user belongs to no/,
    '  and is told so');
is(eval { $t->psql("UPDATE main.fhir_licence SET system = true WHERE client = 'back'"); 1 } // 0, 0,
    '  which SQL cannot decide otherwise');

# ---- tokens ----
$t->load(patient('p1', 'north'));
my ($token) = $w->launch($w->{staff}, 'conf', 'clinician', 'launch/patient patient/*.rs offline_access',
    find => 'okafor', patient => 'p1');
my %h = bearer($token->{access_token});
my $read = sub { $t->get('/fhir/r4/Patient/p1', %h)->status };
my $refresh = sub {
    return $w->form($w->{staff}, 'token', [ grant_type => 'refresh_token', refresh_token => $token->{refresh_token} ],
        $w->basic);
};
my $introspect = sub {
    return $w->form($w->{staff}, 'introspect', [ token => $token->{access_token} ], $w->basic)->json->{active};
};
is($read->(), 200, 'a token of a member of the staff');
ok($introspect->(), '  is active');
$t->load(role('Organization/south'), role('Organization/south', id => 'r2'));
ok(wait_for(sub { $read->() == 401 }, 5), 'the role has moved: the token is refused');
like($t->get('/fhir/r4/Patient/p1', %h)->header('WWW-Authenticate'), qr/outside of the facilities/,
    '  with the reason');
ok(!$introspect->(), '  and is not active');
my $answer = $refresh->();
is($answer->status . $answer->json->{error}, '400invalid_grant', '  refresh checks it again');
like($answer->json->{error_uri}, qr/#token-outside-facilities$/, '  with the reason');
$w->ctl('licence', 'give', 'conf', '--facility', 'north,south');
ok(wait_for(sub { $read->() == 200 }, 5), 'the practice adds the facility: the token is in force');
$answer = $refresh->();
is($answer->status, 200, '  and so is the refresh token');
$token = $answer->json;
%h = bearer($token->{access_token});
is($read->(), 200, '  which gives a token');
$w->ctl('licence', 'give', 'conf', '--facility', 'north');
ok(wait_for(sub { $read->() == 401 }, 5), 'the practice removes it: the token is refused at once');

# ---- deciding: the portal ----
my $page = $p->url('licences/app?client=conf');
my $chief = $p->admin;
my $json = sub { $chief->get($page, Accept => 'application/json')->json };
is_deeply([ map { [ @$_{ qw(facility facility_name chosen) } ] } @{ $json->()->{facilities} } ],
    [ [ 'north', 'North <Clinic>', $true ], [ 'south', 'South Clinic', $false ] ],
    'the form offers the facilities of the practice, and no other organization');
is_deeply($json->()->{tokens} // [], [], '  tokens that are refused are not in force');
like($chief->get($page)->body, qr/limits who may use the app, not which records it reads.*North &lt;Clinic&gt;/s,
    '  and says what that means');
like($chief->get($page, 'Accept-Language' => 'es')->body, qr/quién puede usar la aplicación, no qué registros lee/,
    '  in Spanish, too');
sub decide {
    my ($facilities, %more) = @_;
    $chief->get($page);
    my ($word) = $chief->{page}->body =~ /name="_word" value="([^"]+)"/;
    my $done = $chief->post($page, [ _word => $word, _step => 'give', to_staff => 1, licence_scopes => 'patient/*.rs',
            access_sec => 3600, system_sec => 300, refresh_sec => 86400, until => '', words => '', %more,
            map { (facility => $_) } @$facilities ], Accept => 'application/json');
    return $done->status == 303 ? 'decided' : $done->json->{fault} . ' ' . ($done->json->{fault_why} // '');
}
is(decide([ 'none' ]), 'fault-facility none', 'an id that is not one of them');
is(decide([ 'south' ], to_system => 1), 'fault-facilities-system ', 'programs without a user cannot be limited so');
is($t->psql("SELECT facilities FROM main.fhir_licence WHERE client = 'conf'"), '{north}', '  nothing is changed');
is(decide([ qw(north south) ]), 'decided', 'two facilities');
is($json->()->{facility_names}, 'North <Clinic>, South Clinic', '  are shown');
is(decide([]), 'decided', 'none: no limit');
ok(!exists $json->()->{facility_names}, '  is shown');
my @history = map { $_->{facility_names} // 'all' } @{ $json->()->{events} };
is("@history[ 0 .. 2 ]", 'all North <Clinic>, South Clinic North <Clinic>', 'the history of decisions has it');
like($chief->get($page)->body, qr/Only for people of: North &lt;Clinic&gt;, South Clinic/, '  as text');
is(decide([ 'south' ], to_patients => 1), 'decided', 'limited again');

# ---- what the others are told ----
{
    $w->ctl('licence', 'give', 'pub', '--facility', 'south,north');
    my (undef, undef, undef, $consent) = $w->code($w->{staff}, 'pub', 'clinician', 'launch/patient patient/*.rs',
        find => 'okafor', patient => 'p1', stop => 1);
    like($consent->body, qr/allows this app to people of: South Clinic, North &lt;Clinic&gt;/,
        'the consent page says it');
    my $dev = $p->developer('dev@apps.example');
    my $app = $p->app($dev, app => 'Vital');
    $dev->get($p->url("connect/app?id=$app->{id}"));
    $dev->press([ _step => 'save', $app->{test} ], redirects => 'https://app.example/cb');
    $w->ctl('licence', 'give', $app->{test}, '--facility', 'north');
    like($dev->get($p->url("connect/app?id=$app->{id}"))->body,
        qr/id="places".*Only for people of: North &lt;Clinic&gt;/s, "so does the app's page, for its developer");
    like($dev->get($p->url("connect/letter?id=$app->{id}&client=$app->{test}"))->body,
        qr/limit its use to people of some of your facilities/, 'the letter says that it can be limited');
}
$t->done;
