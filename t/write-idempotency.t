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
