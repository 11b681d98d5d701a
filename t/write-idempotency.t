# SPDX-License-Identifier: Apache-2.0
# Idempotency-Key: a POST that is repeated gets the first answer, from any server, and stores nothing a
# second time; at once, after the resource was changed, and when both come at the same time.
use strict;
use warnings;
use FHIR::Test;
use FHIR::Test::System qw(work_dir read_file write_file);
use HTTP::Tiny;
use JSON::PP ();
use POSIX ();
use Test::More;

my $t = FHIR::Test->new;
my $other = $t->second;
my $patient = { resourceType => 'Patient', active => JSON::PP::true() };
sub patients { return $t->psql('SELECT count(*) FROM main.patient') }
my @same = qw(location etag last-modified content-type);

# ---- create ----

my $first = $t->post('/dev/r4/Patient', $patient, 'Idempotency-Key' => '"k-1"');
is $first->status, 201, 'a create with a key';
is patients(), 1, 'is stored';
for my $server (['the same', $t], ['another', $other]) {
    my ($name, $at) = @$server;
    my $again = $at->post('/dev/r4/Patient', $patient, 'Idempotency-Key' => 'k-1');
    is $again->status, 201, "again on $name server";
    my $location = $again->header('Location') =~ s{^http://[^/]+}{}r;
    is $location, $first->header('Location') =~ s{^http://[^/]+}{}r, 'the first Location';
    is $again->header($_), $first->header($_), "the first $_" for grep { $_ ne 'location' } @same;
    is $again->body, $first->body, 'and the first body';
}
is patients(), 1, 'nothing else is stored';
my $id = $first->json->{id};
is $t->put("/dev/r4/Patient/$id", { %$patient, id => $id, gender => 'male' }, 'If-Match' => 'W/"1"')->status, 200,
    'a change';
is $t->post('/dev/r4/Patient', $patient, 'Idempotency-Key' => 'k-1')->body, $first->body, 'the first answer still';
is $t->delete("/dev/r4/Patient/$id")->status, 204, 'a deletion';
is $t->post('/dev/r4/Patient', $patient, 'Idempotency-Key' => 'k-1')->body, $first->body, 'the first answer still';
is_outcome $t->post('/dev/r4/Patient', { %$patient, gender => 'female' }, 'Idempotency-Key' => 'k-1'), 422,
    'business-rule', qr/used for another request/, 'the key with another body';
is_outcome $t->post('/dev/r4/Practitioner', { resourceType => 'Practitioner' }, 'Idempotency-Key' => 'k-1'), 422,
    'business-rule', qr/used for another request/, 'or for another URL';
is $t->post('/dev/r4/Patient', $patient, 'Idempotency-Key' => 'k-2')->status, 201, 'another key';
is $t->post('/dev/r4/Patient', $patient)->status, 201, 'and none';
is patients(), 2, 'store each';
for my $bad ('', '""', 'a b', 'x' x 256) {
    is_outcome $t->post('/dev/r4/Patient', $patient, 'Idempotency-Key' => $bad), 400, 'invalid',
        qr/Idempotency-Key accepts/, 'no key: ' . substr $bad, 0, 10;
}
my $minimal = $t->post('/dev/r4/Patient', $patient, 'Idempotency-Key' => 'k-2', Prefer => 'return=minimal');
is $minimal->status . $minimal->body, '201', 'the repetition says how it is answered';
my $xml = $t->post('/dev/r4/Patient', $patient, 'Idempotency-Key' => 'k-2', Accept => 'application/fhir+xml');
like $xml->body, qr/<Patient .*<active value="true"/s, 'and in which format';

# ---- the key and what it stands for are one transaction ----

is $t->psql(q{SELECT count(*), bool_and(i.xmin = v.xmin) FROM main.fhir_idempotency i JOIN (SELECT id, version, xmin
    FROM main.patient UNION ALL SELECT id, version, xmin FROM main.patient_history) v USING (id, version)
    WHERE i.created > (SELECT min(created) FROM main.fhir_idempotency)}), '1|t', 'a key is stored with its resource';
$t->psql('ALTER TABLE main.fhir_idempotency ADD CONSTRAINT never CHECK (false) NOT VALID');
is $t->post('/dev/r4/Patient', $patient, 'Idempotency-Key' => 'k-0')->status, 500, 'a key that cannot be kept';
$t->expect_log(qr/FHIR0201: SQLSTATE 23514/);
$t->psql('ALTER TABLE main.fhir_idempotency DROP CONSTRAINT never');
is patients(), 2, 'leaves nothing stored';

# ---- whose key it is ----

my $n = 0;
my $token = sub {
    my ($client, $user) = @_;
    my ($name, $url) = ('token' . ++$n, $t->url('/fhir/r4'));
    $t->psql(qq{WITH a AS (INSERT INTO main.fhir_authorization (client, user_id, place, issuer, scopes)
        VALUES ('$client', (SELECT id FROM main.fhir_user WHERE name = '$user'), '/fhir/r4', '$url', 'user/*.cruds')
        RETURNING id) INSERT INTO main.fhir_token (digest, authorization_id, kind, scopes, expires)
        SELECT sha256('$name'::bytea), id, 'access', 'user/*.cruds', now() + interval '1 hour' FROM a});
    return $name;
};
my $secret = write_file(work_dir() . '/password', "correct horse battery\n");
$t->load({ resourceType => 'Practitioner', id => $_ }) for qw(doc nurse);
for (qw(doc nurse)) {
    my $done = $t->fhirctl('user', 'add', $_, '--kind', 'staff', '--display', $_, '--resource', "Practitioner/$_",
        '--password-file', $secret);
    is $done->{status}, 0, "the user $_" or diag $done->{err};
}
$t->fhirctl('app', 'add', $_, '--id', $_, '--public', '--redirect', 'http://127.0.0.1:9/', '--licence') for qw(one two);
my @keys = ([ 'k-1', $token->('one', 'doc') ], [ 'k-1', $token->('two', 'doc') ], [ 'k-1', $token->('one', 'nurse') ]);
my %made;
for (@keys) {
    my ($key, $bearer) = @$_;
    my $made = $t->post('/fhir/r4/Patient', { %$patient, gender => 'other' }, 'Idempotency-Key' => $key,
        Authorization => "Bearer $bearer");
    is $made->status, 201, "$bearer with a key that others have used, for another body" or diag $made->body;
    $made{ $made->json->{id} }++;
}
is keys %made, 3, 'each has stored its own';
my $renewed = $other->post('/fhir/r4/Patient', { %$patient, gender => 'other' }, 'Idempotency-Key' => 'k-1',
    Authorization => 'Bearer ' . $token->('one', 'doc'));
ok $made{ $renewed->json->{id} }, 'a new token of the same app and user repeats, on another server';
is patients(), 5, 'and stores nothing';
$t->psql('DELETE FROM main.patient WHERE resource::json->>\'gender\' = \'other\'');

# ---- errors are not kept ----

my $wrong = { resourceType => 'Patient', gender => 'none' };
is $t->post('/dev/r4/Patient', $wrong, 'Idempotency-Key' => 'k-3')->status, 422, 'an error';
is $t->post('/dev/r4/Patient', $patient, 'Idempotency-Key' => 'k-3')->status, 201, 'leaves the key free';

# ---- conditional create ----

my $known = { resourceType => 'Patient', identifier => [ { system => 'urn:x', value => '1' } ] };
my %condition = ('If-None-Exist' => 'identifier=urn:x|1', 'Idempotency-Key' => 'k-4');
is $t->post('/dev/r4/Patient', $known, %condition)->status, 201, 'a conditional create';
is $t->post('/dev/r4/Patient', $known, %condition)->status, 201, 'repeated: the first answer, not 200';
is $t->post('/dev/r4/Patient', $known, %condition, 'Idempotency-Key' => 'k-5')->status, 200, 'with another key: 200';
is $t->post('/dev/r4/Patient', $known, %condition, 'Idempotency-Key' => 'k-5')->status, 200, 'and again';

# ---- transactions ----

my $before = patients();
my $bundle = { resourceType => 'Bundle', type => 'transaction',
    entry => [ map { entry(POST => 'Patient', $patient) } 1 .. 3 ] };
my $done = $t->post('/dev/r4', $bundle, 'Idempotency-Key' => 'k-6');
is $done->status, 200, 'a transaction';
my $repeated = $other->post('/dev/r4', $bundle, 'Idempotency-Key' => 'k-6');
is_deeply $repeated->json, $done->json, 'repeated: the first answer, on another server';
like $other->post('/dev/r4', $bundle, 'Idempotency-Key' => 'k-6', Accept => 'application/fhir+xml')->body,
    qr/<Bundle .*transaction-response/s, 'also as XML';
is patients(), $before + 3, 'and stored once';
is_outcome $t->post('/dev/r4', { %$bundle, type => 'batch' }, 'Idempotency-Key' => 'k-7'), 400, 'invalid',
    qr/A batch must not have an/, 'a batch';

# ---- at the same time ----

$before = patients();
my @children;
my $out = work_dir() . '/answer';
for my $n (1 .. 6) {
    my $pid = fork // die "fork: $!\n";
    if ($pid) { push @children, $pid; next }
    my $client = HTTP::Tiny->new(timeout => 30);
    my $answer = $client->post(($n % 2 ? $t : $other)->url('/dev/r4/Patient'),
        { headers => { 'Idempotency-Key' => 'k-8', 'Content-Type' => 'application/fhir+json' },
            content => '{"resourceType":"Patient"}' });
    write_file("$out$n", join ' ', $answer->{status}, $answer->{headers}{etag} // '', $answer->{content});
    POSIX::_exit(0);
}
waitpid $_, 0 for @children;
my %answers;
$answers{ read_file("$out$_") }++ for 1 .. 6;
is join("\n", map { "$answers{$_} times $_" } sort keys %answers), '6 times ' . (keys %answers)[0],
    'six at the same time, on two servers: one answer';
like((keys %answers)[0], qr/^201 /, 'of a create');
is patients(), $before + 1, 'and one resource';

# ---- a day ----

$t->psql(q{UPDATE main.fhir_idempotency SET created = now() - interval '25 hours'});
is $t->post('/dev/r4/Patient', $patient, 'Idempotency-Key' => 'k-1')->status, 201, 'a day later the key is new';
is patients(), $before + 2, 'and stores';
is $t->psql(q{SELECT count(*) FROM main.fhir_idempotency WHERE created > now() - interval '1 minute'}), 1,
    'it is kept again';
$t->done;
