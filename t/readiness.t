# SPDX-License-Identifier: Apache-2.0
# Endpoints that are not ready: the database is away when the processes start, the practice's schema is
# missing, half made, of another version, or may not be read. Every kind of request, by the routing
# table, is answered 503 with the reason, by all processes; none of them ends; and all work again
# within two seconds of the end of the fault, without a restart.
use strict;
use warnings;
use FHIR::Test;
use FHIR::Test::System qw(read_file source_dir);
use Test::More;
use Time::HiRes qw(sleep time);

my $t = FHIR::Test->new(own_cluster => 1, start => 0, processes => 2, conf => <<'CONF', endpoints => <<'LOCATIONS');
FHIRConditionalDelete single
FHIRConnectionWait 500ms
CONF
<Location "/dev/r4">
    FHIREndpoint R4 open
    FHIRInteractions all
    FHIRConditionalDelete single
    Require local
</Location>
LOCATIONS
$t->load({ resourceType => 'Patient', id => '1' });

# ---- every kind of request ----

my %part = (T => 'Patient', I => '1', V => '1', C => 'Observation', '$' => '$everything');
my @routes = read_file(source_dir() . '/mod_fhir/fhir/fhir_routes.c') =~ /^    \{"([A-Z]+)", "([^"]*)", B\(/mg;
my @requests;
while (my ($method, $pattern) = splice @routes, 0, 2) {
    my $path = join '/', map { $part{$_} // $_ } split m{/}, $pattern;
    next if $path eq 'metadata' || $method eq 'OPTIONS';    # the CapabilityStatement needs no database
    next if $pattern =~ /\$/ && ($pattern ne 'T/I/$' || $method ne 'GET');
    push @requests, map { [ $method, "/dev/r4/$path" . ($_->{query} // ''), $_ ] } kinds($method, $path);
}

# What a method's requests are made of: plain, and with what makes them conditional.
sub kinds {
    my ($method, $path) = @_;
    my $json = 'application/fhir+json';
    my $bundle = '{"resourceType":"Bundle","type":"%s","entry":[{"resource":{"resourceType":"Patient"},'
        . '"request":{"method":"POST","url":"Patient","ifNoneExist":"identifier=a|1"}}]}';
    my ($patient, $patch) = ('{"resourceType":"Patient"}', '[{"op":"add","path":"/active","value":true}]');
    return ({ query => $path eq 'Patient' ? '?identifier=a|1' : $path eq '' ? '?_type=Patient' : '' },
        map { { query => "?$_=AAAA" } } $path eq 'Patient' || $path eq '_history' ? qw(_cursor _query-of) : ())
        if $method eq 'GET';
    return { query => $path =~ m{/} ? '' : '?identifier=a|1' } if $method eq 'DELETE';
    return { type => 'application/x-www-form-urlencoded', body => $path eq '_search' ? '_type=Patient' : '_id=1' }
        if $path =~ /_search$/;
    return map { { type => $json, body => sprintf $bundle, $_ } } qw(batch transaction) if $path eq '';
    return ({ type => $json, body => $patient },
        { type => $json, body => $patient, 'If-None-Exist' => 'identifier=a|1' }) if $method eq 'POST';
    my $at = $path =~ m{/} ? '' : '?identifier=a|1';
    return { query => $at, type => 'application/json-patch+json', body => $patch } if $method eq 'PATCH';
    return { query => $at, type => $json, 'If-Match' => 'W/"1"', body => '{"resourceType":"Patient","id":"1"}' };
}
cmp_ok scalar @requests, '>', 20, scalar(@requests) . ' kinds of requests';

sub send_request {
    my ($method, $url, $with) = @{ $_[0] };
    my %headers = map { $_ => $with->{$_} } grep { /^If/ } keys %$with;
    $headers{'Content-Type'} = $with->{type} if $with->{type};
    return $t->request($method, $url, headers => \%headers, content => $with->{body});
}

# All are refused for the reason given. A batch is not refused as a whole: its entries are.
sub all_refused {
    my ($text, $state) = @_;
    my @before = $t->children;
    my @other;
    for my $request (@requests) {
        my $answer = send_request($request);
        next if $answer->body =~ $text
            && ($answer->status == 503 || ($answer->status == 200 && $answer->body =~ /"batch-response".*503/s));
        push @other, "@$request[0, 1]: " . $answer->status . ' ' . substr $answer->body, 0, 200;
    }
    is join("\n", @other), '', "$state: each request is answered 503 with the reason";
    my %now = map { $_ => 1 } $t->children;
    is join(' ', grep { !$now{$_} } @before), '', 'and no process ended';
    is $t->get('/dev/r4/metadata')->status, 200, 'the CapabilityStatement is there';
    return;
}

# Both processes answer 200, again and again, at most two seconds (and some patience) later.
sub works {
    my ($state, $since) = @_;
    my $good = sub { !grep { $t->get('/dev/r4/Patient/1')->status != 200 } 1 .. 8 };
    ok wait_for($good, 0.75), "$state: all processes work within three seconds";
    return;
}

# ---- the database is away at the start ----

$t->allow_log(qr/FHIR0202: answered 503/);
$t->cluster->stop;
$t->start;
all_refused(qr/database is not available/, 'away at the start');
$t->expect_log(qr/FHIR0213: schema "main" cannot be used: it could not be read yet/);
$t->cluster->start;
works('the database is there');

# ---- the schema ----

sub changed {
    my ($sql, $text, $log, $state, $back) = @_;
    $t->psql($sql);
    sleep 2.1;
    all_refused($text, $state);
    $t->expect_log($log);
    $t->psql($back);
    sleep 2.1;
    works($state);
    return;
}

changed('ALTER SCHEMA main RENAME TO elsewhere', qr/This practice's database has not been set up/,
    qr/FHIR0213: schema "main" cannot be used: it does not exist/, 'no schema',
    'ALTER SCHEMA elsewhere RENAME TO main');
changed(q{INSERT INTO main.fhir_migration (name, digest) VALUES ('999-later', '')}, qr/not of the same version/,
    qr/FHIR0213: .* of a newer version of mod_fhir \(999-later is unknown\); update this server/, 'a newer schema',
    q{DELETE FROM main.fhir_migration WHERE name = '999-later'});
$t->psql(q{INSERT INTO main.fhir_migration (name, digest) VALUES ('999-later-compatible', '')});
sleep 2.1;
works('a newer file that older servers need not know');
$t->psql(q{DELETE FROM main.fhir_migration WHERE name = '999-later-compatible'});
changed(q{UPDATE main.fhir_migration SET name = 'x' WHERE name = '002-contained'}, qr/not of the same version/,
    qr/FHIR0213: .* of an older version of mod_fhir \(002-contained is missing\); run fhirctl init/, 'an older schema',
    q{UPDATE main.fhir_migration SET name = '002-contained' WHERE name = 'x'});
changed('REVOKE SELECT ON main.fhir_key FROM fhir_server', qr/not been set up completely/,
    qr/FHIR0213: .* the role of FHIRDatabase may not read it; run fhirctl init --role/, 'no right',
    'GRANT SELECT ON main.fhir_key TO fhir_server');
$t->done;
