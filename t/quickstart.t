# SPDX-License-Identifier: Apache-2.0
# The demo from start to stop: it answers, a second start makes and loads nothing twice, wrong
# arguments are refused.
use strict;
use warnings;
use FHIR::Test::Browser;
use FHIR::Test::Response;
use FHIR::Test::System qw(build_dir free_port guard_pid_file pid_in read_file run source_dir work_dir
    write_file);
use HTTP::Tiny;
use JSON::PP;
use Test::More;

my $dir = work_dir() . '/demo';
guard_pid_file("$dir/postgres/data/postmaster.pid");
guard_pid_file("$dir/run/httpd.pid");

# An endpoint of the demo, as a browser needs it.
{
    package Demo;
    sub new { my ($class, $root) = @_;
        return bless { root => $root, client => HTTP::Tiny->new(max_redirect => 0) }, $class }
    sub url { my ($self, $path) = @_; return "$self->{root}$path" }
    sub request {
        my ($self, $method, $url, %options) = @_;
        delete $options{content} unless defined $options{content};
        return FHIR::Test::Response->new($self->{client}->request($method, $url, \%options));
    }
}

sub quickstart {
    my (@arguments) = @_;
    return run({ env => { FHIR_BUILD => build_dir() } }, source_dir() . '/quickstart', @arguments);
}

for (
    [['--prot'], qr/--prot is not known/],
    [['start', '--port', 'x'], qr/--port x: a number from 1 to 65535 is accepted/],
    [['--port', '65536'], qr/--port 65536: a number/],
    [['--port'], qr/--port --dir: a number/],
    [['--patients', '0'], qr/--patients 0: a number from 1 is accepted/],
    [['--data', '/no/such'], qr{/no/such: there is no such file}],
    [['--data'], qr/--data takes files and folders/],
) {
    my ($arguments, $text) = @$_;
    my $done = quickstart(@$arguments, '--dir', $dir);
    isnt($done->{status}, 0, "refused: @$arguments");
    like($done->{err}, $text, 'with the reason');
}
ok(!-e $dir, 'a wrong command line makes nothing');

my @start = ('--dir', $dir, '--no-install', '--patients', 2);
my $port = free_port();
my $first = quickstart(@start, '--port', $port);
is($first->{status}, 0, 'starts') or diag($first->{out}, $first->{err});
like($first->{out}, qr{http://127\.0\.0\.1:$port/dev/r4/metadata}, 'and prints the URLs');

my %env = read_file("$dir/demo.env") =~ /^(\w+)=(.*)$/mg;
is($env{BASE_URL}, "http://127.0.0.1:$port", 'demo.env has the address');
ok(-S "$env{PGHOST}/.s.PGSQL.$env{PGPORT}", 'and the socket of PostgreSQL');
is(pid_in($env{HTTPD_PID_FILE}) > 0, 1, 'and the pid file of httpd');

my $http = HTTP::Tiny->new;
sub get { return $http->get("$env{BASE_URL}$_[0]") }
is(get('/dev/r4/Patient/none')->{status}, 404, 'the open endpoint answers');
is(get('/fhir/r4/metadata')->{status}, 200, 'the provider endpoint tells what it can do');
is(get("/$_/r4/Patient?_count=1")->{status}, 401, "without a token /$_ says no more") for qw(fhir open);
my $patients = sub { scalar @{ decode_json(get('/dev/r4/Patient?_count=50')->{content})->{entry} } };
is($patients->(), 2, 'as many patients as asked for');

# ---- the demo's accounts and apps ----
for my $name (qw(DEMO_PROVIDER_USER DEMO_PROVIDER_PASSWORD DEMO_PATIENT_USER DEMO_PATIENT_PASSWORD DEMO_PATIENT_ID
    DEMO_ADMIN_USER DEMO_ADMIN_PASSWORD DEMO_APP_ID DEMO_APP_SECRET DEMO_PUBLIC_APP_ID DEMO_REDIRECT_URI
    DEMO_BACKEND_ID DEMO_BACKEND_KEY_FILE)) {
    ok(length($env{$name} // ''), "demo.env names $name");
}
is((stat "$dir/demo.env")[2] & 077, 0, 'nobody else can read it');
my ($curl) = $first->{out} =~ /^\s*(curl -s \S+Patient\?.*)$/m;
my $one = run({}, 'bash', '-c', $curl // 'false');
my $found = eval { decode_json($one->{out}) } || {};
is($found->{entry}[0]{resource}{resourceType}, 'Patient', 'the printed curl gets a token and reads a patient')
    or diag($one->{out}, $one->{err});
like(get('/app/')->{content}, qr/<title>/, 'the demo app is there');
is($env{DEMO_REDIRECT_URI}, "http://127.0.0.1:$port/app/", '  and its redirect URI');
like(get("/portal/docs/$_/Observation")->{content}, qr/id="write"/, "the documentation of $_ tells how to write")
    for qw(R4 DSTU2);
my $licences = run({ env => { %env{ grep { /^PG/ } keys %env } } }, $env{FHIRCTL}, 'licence', 'list')->{out};
like($licences, qr/^$_\b.*\bgiven\b/m, "$_ can be launched") for qw(demo-public-test demo-backend-test);
like($licences, qr/^demo-diary-test\b.*\basked\b/m, 'an app waits for the administrator');
for ([ fhir => 'PROVIDER' ], [ open => 'PATIENT' ]) {
    my ($place, $who) = @$_;
    my ($verifier, $challenge) = FHIR::Test::Browser::pkce();
    my $base = "$env{BASE_URL}/$place/r4";
    my $browser = FHIR::Test::Browser->new(Demo->new($base));
    my $answer = $browser->authorize($base, { response_type => 'code', client_id => $env{DEMO_PUBLIC_APP_ID},
            redirect_uri => $env{DEMO_REDIRECT_URI}, scope => 'launch/patient patient/*.rs', state => 's',
            aud => $base, code_challenge => $challenge, code_challenge_method => 'S256' },
        user => $env{"DEMO_${who}_USER"}, password => $env{"DEMO_${who}_PASSWORD"}, find => 'Okafor',
        patient => $env{DEMO_PATIENT_ID});
    my %back = FHIR::Test::Browser::params($answer->header('Location') // '');
    ok($back{code}, "the $place account signs in and gets a code") or diag($answer->body);
    my $token = $browser->post("$base/auth/token", [ grant_type => 'authorization_code', code => $back{code},
            redirect_uri => $env{DEMO_REDIRECT_URI}, client_id => $env{DEMO_PUBLIC_APP_ID},
            code_verifier => $verifier ])->json;
    is($token->{patient}, $env{DEMO_PATIENT_ID}, '  the demo patient');
    my $read = $http->get("$base/Patient/$token->{patient}",
        { headers => { Authorization => "Bearer $token->{access_token}" } });
    is($read->{status}, 200, '  can be read');
}

my $again = quickstart(@start);
is($again->{status}, 0, 'starts again while it runs');
unlike($again->{out}, qr/Loading|Creating (?:a|demo)/, 'without loading, or creating anything anew');
is($patients->(), 2, 'the same patients');

is(quickstart('status', '--dir', $dir)->{status}, 0, 'status: it runs');
is(quickstart('stop', '--dir', $dir)->{status}, 0, 'stops');
my $stopped = quickstart('stop', '--dir', $dir);
is($stopped->{status}, 0, 'stops when it is stopped');
like($stopped->{out}, qr/nothing runs in/, 'and says so');
is(quickstart('status', '--dir', $dir)->{status}, 3, 'status: it does not run');

write_file("$dir/local.conf", "ServerAdmin root\@localhost\n");
is(quickstart(@start)->{status}, 0, 'starts after a stop');
is(get('/dev/r4/metadata')->{status}, 200, 'and answers at the port it had');
is(quickstart('stop', '--dir', $dir)->{status}, 0, 'stops');
is(join("\n", grep { /:(?:warn|error|crit)\]/ } split /\n/, read_file("$dir/run/error_log")), '',
    'error_log is clean');

done_testing;
