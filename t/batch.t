#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Batches and transactions: independent or all or nothing, and references between the entries.
use strict;
use warnings;
use FHIR::Test;
use MIME::Base64 qw(encode_base64);
use Test::More;

my $t = FHIR::Test->new(conf => <<'CONF');
FHIREntriesMax 400
<Location "/small/r4">
    FHIREndpoint R4 open
    FHIRInteractions all
    FHIREntriesMax 3
    FHIRBodyMax 2K
    Require local
</Location>
CONF
my $base = '/dev/r4';

sub bundle {
    my ($type, @entries) = @_;
    return $t->post($base, { resourceType => 'Bundle', type => $type,
            entry => \@entries });
}

sub patient {
    return { resourceType => 'Patient', @_ };
}

sub observation {
    my ($subject, %more) = @_;
    return { resourceType => 'Observation', status => 'final', code => { text => 'x' },
        subject => { reference => $subject }, %more };
}

sub count {
    return $t->psql("SELECT count(*) FROM main.patient");
}

# ---- batch ----

my $batch = bundle('batch', entry(POST => 'Patient', patient(gender => 'male')),
    entry(POST => 'Patient', patient(gender => 'x')), entry(GET => 'Patient?gender=male'),
    entry(GET => 'Patient/none'));
is $batch->status, 200, 'a batch is answered' or diag $batch->body;
is $batch->json->{type}, 'batch-response', 'with a batch-response';
is_deeply [ map { $_->{response}{status} } @{ $batch->json->{entry} } ],
    [ '201 Created', '422 Unprocessable Content', '200 OK', '404 Not Found' ],
    'its entries are independent';
is $batch->json->{entry}[1]{response}{outcome}{issue}[0]{code}, 'code-invalid',
    'a refused entry has its outcome';
is $batch->json->{entry}[2]{resource}{entry}[0]{resource}{gender}, 'male', 'a search in a batch';
like $batch->json->{entry}[0]{response}{lastModified}, qr/^\d{4}-.*\.\d{3}Z$/, 'lastModified';

is bundle('batch', map { entry(GET => 'Patient/none') } 1 .. 400)->status, 200, 'as many entries as FHIREntriesMax';
for my $type (qw(batch transaction)) {
    my $before = count();
    is_outcome bundle($type, map { entry(POST => 'Patient', patient()) } 1 .. 401), 413, 'too-long',
        qr/more than 400 entries/,
        "one more in a $type";
    is count(), $before, 'of which nothing is run';
}

# ---- transaction ----

my $before = count();
my $failed = bundle('transaction', entry(POST => 'Patient', patient()),
    entry(POST => 'Patient', patient(gender => 'x')));
is_outcome $failed, 422, 'code-invalid', qr/gender|male/, 'one bad entry refuses a transaction';
is $failed->json->{issue}[0]{expression}[0], 'Bundle.entry[1].resource.gender',
    'the outcome points at the entry';
is count(), $before, 'and nothing is stored';

my $done = bundle('transaction',
    entry(POST => 'Observation', observation('urn:uuid:p', extension => [
                { url => 'http://x', valueUri => 'urn:uuid:p' },
                { url => 'http://x', valueString => 'urn:uuid:p' } ],
            text => { status => 'generated', div =>
                    '<div xmlns="http://www.w3.org/1999/xhtml"><a href="urn:uuid:p">p</a></div>' }),
        fullUrl => 'urn:uuid:o'),
    entry(POST => 'Patient', patient(identifier => [ { system => 'urn:x', value => 't' } ]),
        fullUrl => 'urn:uuid:p'));
is $done->status, 200, 'a transaction' or diag $done->body;
my ($o, $p) = map { $_->{response}{location} =~ m{/(\w+/[^/]+)/_history/1$} } @{ $done->json->{entry} };
my $stored = $t->get("$base/$o")->json;
is $stored->{subject}{reference}, $p, 'a reference to a later entry is rewritten';
is $stored->{extension}[0]{valueUri}, $p, 'also in an extension of type uri';
is $stored->{extension}[1]{valueString}, 'urn:uuid:p', 'but not in a string';
like $stored->{text}{div}, qr/<a href="\Q$p\E">p/, 'and in the narrative';

my $conditional = bundle('transaction',
    entry(POST => 'Patient', patient(), fullUrl => 'urn:uuid:q', ifNoneExist => 'identifier=urn:x|t'),
    entry(POST => 'Observation', observation('urn:uuid:q')),
    entry(POST => 'Observation', observation('Patient?identifier=urn:x|t')));
is $conditional->status, 200, 'ifNoneExist and a conditional reference' or diag $conditional->body;
is $conditional->json->{entry}[0]{response}{status}, '200 OK', 'what is there is not created again';
for my $i (1, 2) {
    my ($path) = $conditional->json->{entry}[$i]{response}{location} =~ m{(Observation/[^/]+)/};
    is $t->get("$base/$path")->json->{subject}{reference}, $p, "reference $i leads to it";
}
is_outcome bundle('transaction', entry(POST => 'Observation', observation('Patient?identifier=no'))),
    412, 'not-found', qr/no resource/, 'a conditional reference to nothing';
is_outcome bundle('transaction', entry(POST => 'Observation', observation('Patient/no'))), 422,
    'not-found', qr{Patient/no}, 'a reference to what is not there';

(my $pid = $p) =~ s{.*/}{};
my $ordered = bundle('transaction', entry(GET => $p),
    entry(PUT => $p, patient(id => $pid, gender => 'other'), ifMatch => 'W/"1"'),
    entry(POST => 'Patient', patient()));
is_deeply [ map { $_->{response}{status} } @{ $ordered->json->{entry} } ],
    [ '200 OK', '200 OK', '201 Created' ], 'entries are answered in their order';
is $ordered->json->{entry}[0]{resource}{gender}, 'other', 'but reads are run last';
is_outcome bundle('transaction', entry(DELETE => $p), entry(PUT => $p, patient(id => $pid),
        ifMatch => 'W/"2"')), 400, 'invalid', qr/same resource/, 'one resource, two changes';
is_outcome bundle('transaction', entry(POST => 'Patient', patient()),
    entry(PUT => $p, patient(id => $pid), ifMatch => 'W/"1"')), 412, 'conflict', qr/current/,
    'a stale ifMatch refuses all';
my $patch = encode_base64('[{"op":"replace","path":"/gender","value":"female"}]', '');
is bundle('transaction', entry(PATCH => $p, { resourceType => 'Binary',
            contentType => 'application/json-patch+json', data => $patch }))->status, 200,
    'a PATCH in a Binary';
is $t->get("$base/$p")->json->{gender}, 'female', 'has its effect';
my @parts = map { { name => $_->[0], $_->[1] => $_->[2] } } [ type => valueCode => 'replace' ],
    [ path => valueString => 'Patient.gender' ], [ value => valueCode => 'other' ];
is bundle('transaction', entry(PATCH => $p, { resourceType => 'Parameters',
            parameter => [ { name => 'operation', part => \@parts } ] }))->status, 200,
    'a PATCH as a FHIRPath Patch';
is $t->get("$base/$p")->json->{gender}, 'other', 'has its effect too';
is bundle('transaction', entry(PUT => 'Patient?identifier=urn:z|1',
        patient(identifier => [ { system => 'urn:z', value => '1' } ]), fullUrl => 'urn:uuid:z'),
    entry(POST => 'Observation', observation('urn:uuid:z')))->status, 200,
    'a conditional update that creates, referred to';

is bundle('transaction', entry(POST => 'Patient', patient(id => 'mine'), fullUrl => 'urn:uuid:i'))->status,
    200, 'an id beside a fullUrl that is a urn says nothing';
is_outcome bundle('transaction', entry(POST => 'Patient', patient(id => 'mine'))), 400, 'invalid',
    qr/id mine, which means/, 'else it is refused as in a create';

# Inserts are sent and not waited for: what the database says of one is told of its entry.
$t->psql(q{CREATE FUNCTION main.poison() RETURNS trigger LANGUAGE plpgsql AS
    $$BEGIN IF NEW.resource LIKE '%poison%' THEN RAISE 'poison' USING ERRCODE = '53400'; END IF; RETURN NEW; END$$});
$t->psql('CREATE TRIGGER poison BEFORE INSERT ON main.observation FOR EACH ROW EXECUTE FUNCTION main.poison()');
for my $case ([ 1, 300 ], [ 150, 300 ], [ 299, 300 ], [ 0, 1 ]) {
    my ($bad, $n) = @$case;
    my $before = $t->psql('SELECT count(*) FROM main.observation');
    my @posts = map { entry(POST => 'Observation',
            observation($p, $_ == $bad ? (note => [ { text => 'poison' } ]) : ())) } 0 .. $n - 1;
    my $r = bundle('transaction', entry(GET => 'Patient?_count=1'), @posts, entry(GET => $p));
    is $r->status, 503, "entry $bad of $n is refused by the database";
    is $r->json->{issue}[0]{expression}[0], 'Bundle.entry[' . ($bad + 1) . ']', 'which is told of that entry';
    is $t->psql('SELECT count(*) FROM main.observation'), $before, 'and nothing is stored';
}
$t->psql('DROP TRIGGER poison ON main.observation');
$t->allow_log(qr/53400/);
is bundle('transaction', map { entry(POST => 'Observation', observation($p)) } 1 .. 300)->status, 200,
    'the connection is as good as before';

# ---- limits ----

sub small {
    my ($type, @entries) = @_;
    return $t->post('/small/r4', { resourceType => 'Bundle', type => $type, entry => \@entries });
}
my @reads = map { entry(GET => "Patient/none$_") } 1 .. 4;
my $performers = sub { { performer => [ map { { reference => "Patient?_id=$pid&_count=$_" } } 1 .. shift ] } };
is_outcome small('transaction', entry(POST => 'Observation', observation($p, %{ $performers->(4) }))), 413, 'too-long',
    qr/more conditional references/, 'and conditional references';
is small('transaction', entry(POST => 'Observation', observation($p, %{ $performers->(3) })))->status, 200,
    'as many are looked for';

my ($many, $few) = (entry(GET => 'Observation?_count=100'), entry(GET => $p));
my $cut = small('batch', $few, $many, $few);
is_deeply [ map { $_->{response}{status} } @{ $cut->json->{entry} } ], [ '200 OK', '400 Bad Request', '200 OK' ],
    'a large answer refuses its entry of a batch';
like $cut->json->{entry}[1]{response}{outcome}{issue}[0]{diagnostics}, qr/larger than 8192 bytes/, 'which says why';
is_outcome small('transaction', $few, $many), 400, 'too-costly', qr/larger than/, 'and a transaction';
my $read = entry(GET => 'Observation?_count=15&_elements=status');
is small('batch', ($read) x 3)->status, 200, 'answers of a batch are each for themselves';
is_outcome small('transaction', ($read) x 3), 400, 'too-costly', qr/larger than/,
    'those of a transaction come together';
for my $format (qw(application/fhir+xml text/html)) {
    my $answer = $t->post($base, { resourceType => 'Bundle', type => 'batch', entry => [ $few, @reads ] },
        Accept => $format);
    is $answer->status, 200, "a batch answered as $format";
    like $answer->body, qr/200 OK.*404 Not Found/s, 'with the status of each entry';
}

is_outcome $t->post($base, patient()), 400, 'invalid', qr/Bundle/, 'no Bundle';
is $t->post($base, { resourceType => 'Bundle', type => 'transaction' })->status, 200, 'a transaction without entries';
is_outcome bundle('transaction'), 422, 'structure', qr/entry/, 'an empty list of them is no FHIR';

$t->done;
