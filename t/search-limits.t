#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# What a search may not do: each limit has a directive; and _explain, which shows what one does.
use strict;
use warnings;
use FHIR::Test;
use JSON::PP ();
use Test::More;

my $t = FHIR::Test->new(endpoints => <<'CONF');
FHIRStatementTimeout 3s
<Location "/dev/r4">
    FHIREndpoint R4 open
    FHIRInteractions all
    FHIRExplain On
    Require local
</Location>
<Location "/small/r4">
    FHIREndpoint R4 open
    Require local
    FHIRInteractions all
    FHIRValuesMax 3
    FHIRHopsMax 1
    FHIRIncludesMax 2
    FHIRIncludeRowsMax 5
    FHIRQueryMax 1K
    FHIRParamsMax 4
    FHIRCountDefault 2
    FHIRCountMax 4
</Location>
<Location "/cheap/r4">
    FHIREndpoint R4 open
    Require local
    FHIRInteractions all
    FHIRCostMax 200
</Location>
<Location "/sum/r4">
    FHIREndpoint R4 open
    Require local
    FHIRInteractions all
    FHIRCostMax 4000
</Location>
<Location "/free/r4">
    FHIREndpoint R4 open
    Require local
    FHIRCostMax 0
</Location>
CONF
my @observations = map {
    {   resourceType => 'Observation', id => "o$_", status => 'final', subject => { reference => 'Patient/p1' },
        code => { coding => [ { system => 'http://loinc.org', code => $_ % 3 ? '1-8' : '2-6' } ] },
        method => { coding => [ { code => "m$_" } ] } }
} 1 .. 30;
$t->load({ resourceType => 'Patient', id => 'p1', name => [ { family => "<b>M\x{fc}ller" } ] },
    { resourceType => 'Basic', id => 'b1', code => { text => 'x' } }, @observations);
$t->psql('ALTER TABLE main.observation SET (autovacuum_enabled = off)');
$t->psql('VACUUM ANALYZE main.observation');

sub entries { my ($r, $mode) = @_; return grep { $_->{search}{mode} eq $mode } @{ $r->json->{entry} || [] } }

# ---- limits of the query itself ----

for (
    [ 'Observation?_id=1,2,3,4'                                     => qr/4 values.*at most 3/, 'values' ],
    [ 'Observation?_id=1,2,3'                                       => undef ],
    [ 'Observation?encounter.service-provider.name=x'               => qr/at most 1 steps/, 'steps of a chain' ],
    [ 'Observation?encounter.class=x'                               => undef ],
    [ 'Patient?_has:Observation:patient:encounter.class=x'          => qr/at most 1 steps/, 'steps of _has' ],
    [ 'Patient?_has:Observation:patient:status=x'                   => undef ],
    [ 'Observation?' . join('&', ('_include=Observation:subject') x 3) => qr/At most 2 _include/, 'includes' ],
    [ 'Observation?' . join('&', ('_include=Observation:subject') x 2) => undef ],
    [ 'Observation?_id=' . 'x' x 1100                               => qr/longer than the 1024 bytes/, 'bytes' ],
    [ 'Observation?_id=' . 'x' x 800                                => undef ],
    [ 'Observation?' . join('&', ('status=final') x 5)              => qr/5 parameters; at most 4/, 'parameters' ],
    [ 'Observation?' . join('&', ('status=final') x 4)              => undef ],
    )
{
    my ($path, $text, $name) = @$_;
    my $answer = $t->get("/small/r4/$path");
    if ($text) { is_outcome($answer, 400, 'too-costly', $text, "too many $name") }
    else { is($answer->status, 200, '  one less is accepted') or diag $answer->body }
}
my %form = ('Content-Type' => 'application/x-www-form-urlencoded');
is_outcome($t->post('/small/r4/Observation/_search', '_id=' . 'x' x 1100, %form), 413, 'too-long', qr/1024 bytes/,
    'a form has the same limit');
is_outcome($t->post('/small/r4/Observation/_search', '_id=1,2,3,4', %form), 400, 'too-costly', qr/at most 3/,
    'and limits of values');
is(scalar entries($t->get('/small/r4/Observation'), 'match'), 2, 'FHIRCountDefault');
my $lowered = $t->get('/small/r4/Observation?_count=30');
is(scalar entries($lowered, 'match'), 4, 'FHIRCountMax lowers _count');
like((grep { $_->{relation} eq 'self' } @{ $lowered->json->{link} })[0]{url}, qr/_count=4$/,
    '  and the self link says so');

my $twice = $t->get('/small/r4/Observation?_id=o1,o2&_include=Observation:subject&_include=Observation:patient');
is(scalar entries($twice, 'include'), 1, 'what comes by several ways counts once');
is(scalar entries($twice, 'outcome'), 0, '  and nothing is left out');

# Few bytes that stand for much.
my $ask = sub { $t->post("/dev/r4/$_[0]/_search", $_[1], %form) };
my $links = sub { '_filter=' . join('%20or%20', ('subject.organization.name%20eq%20a') x shift) };
is_outcome($ask->('Observation', $links->(600)), 400, 'too-costly', qr/at most 1000 links/,
    'links of all chains of a search');
is($ask->('Observation', $links->(20))->status, 200, 'some are followed');
is_outcome($ask->('ValueSet', 'url:above=http://x' . '/' x 60000), 400, 'too-costly', qr/at most 100 segments/,
    'segments of a URL');
is($ask->('ValueSet', 'url:above=http://x' . '/a' x 100)->status, 200, 'a hundred are taken');
my $types = 'http://hl7.org/fhir/ValueSet/all-types';
is_outcome($ask->('Observation', 'code:in=' . join ',', ($types) x 500), 400, 'too-costly', qr/more than 100000 codes/,
    'codes of value sets');
is($ask->('Observation', "code:in=$types,$types")->status, 200, 'one is looked for');
is($ask->('Observation', join '&', map { 'value-quantity=' . join ',', ('1e9999') x 400 } 1 .. 20)->status, 200,
    'numbers of ten thousand digits');
is_outcome($ask->('Observation', join '&', map { 'focus=' . join ',', ('1') x 500 } 1 .. 60), 400, 'too-costly',
    qr/too large to be run/,
    'ids that may be of any type');

my $page = $t->get('/small/r4/Patient?_revinclude=Observation:patient');
is(scalar entries($page, 'include'), 5, 'FHIRIncludeRowsMax');
like((entries($page, 'outcome'))[0]{resource}{issue}[0]{diagnostics}, qr/more than 5 included/,
    'and the answer says so');

# ---- the planner's cost ----

$t->psql(q{INSERT INTO main.observation (id, version, last_updated, resource, code, method)
    SELECT 'many' || i, 1, now(), '{"resourceType":"Observation","id":"many' || i || '","language":"'
    || repeat('x', 1500) || '"}',
        '{1-8}', '{m}' FROM generate_series(1, 4000) i});
$t->psql('VACUUM ANALYZE main.observation');
$t->fhirctl('index', 'apply', 'patient');
my $method = 'Observation?method=nothing';
is_outcome($t->get("/cheap/r4/$method"), 400, 'too-costly',
    qr/cost would be \d+, the limit is 200\).*fhirctl index add Observation method\s*$/,
    'a search without an index over a large table is refused, and says which is missing');
is($t->get("/$_/r4/$method")->status, 200, "the default of FHIRCostMax lets it run, 0 too: $_") for qw(dev free);
is_outcome($t->get("/cheap/r4/$method&_sort=-date"), 400, 'too-costly',
    qr/index add Observation method, fhirctl index add Observation date\s*$/, 'the newest of all');
is_outcome($t->get("/cheap/r4/Practitioner?_has:Observation:performer:method=x"), 400, 'too-costly',
    qr/index add Observation method/, '_has');
is_outcome($t->get("/cheap/r4/Observation?_summary=count&method:not=x"), 400, 'too-costly', qr/add a patient[^.]*$/,
    'a count, for which no index helps');
is_outcome($t->get('/cheap/r4/Patient?_revinclude=Observation:focus'), 400, 'too-costly',
    qr/fewer _include.*index add Observation focus/, 'an include');
is_outcome($t->request('DELETE', "/cheap/r4/$method"), 405, 'not-supported', qr/./, 'nothing else is refused so');
for ('Observation?patient=p1&method=x', 'Observation?_count=3', 'Observation?_id=o1', 'Patient?gender=male',
    'Observation?patient=p1&_revinclude=Provenance:target') {
    is($t->get("/cheap/r4/$_")->status, 200, "what is cheap runs: $_");
}

# All searches of a request are held against one limit; those that cost less than a hundredth of it are not counted.
my ($cost) = $t->get("/cheap/r4/$method")->body =~ /cost would be (\d+)/;
cmp_ok($cost // 0, '>', 200, 'the cost of a search') or BAIL_OUT('no search has a cost');
cmp_ok($cost, '<', 2000, '  of which a request may have two');
my $few = int(4000 / $cost);
sub batch_of {
    my (@urls) = @_;
    my $answer = $t->post('/sum/r4', { resourceType => 'Bundle', type => 'batch',
        entry => [ map { { request => { method => 'GET', url => $_ } } } @urls ] });
    is($answer->status, 200, 'a batch of ' . @urls) or diag $answer->body;
    return @{ $answer->json->{entry} };
}
my @statuses = map { substr $_->{response}{status}, 0, 3 } batch_of(($method) x $few);
is_deeply(\@statuses, [ (200) x $few ], "  $few searches of $cost are within 4000 together");
my @entries = batch_of(($method) x ($few + 1), 'Observation?_id=o1', $method);
is_deeply([ map { substr $_->{response}{status}, 0, 3 } @entries ], [ (200) x $few, 400, 200, 400 ],
    '  one more is refused, a cheap one after it runs, and another dear one is refused');
my $issue = $entries[$few]{response}{outcome}{issue}[0];
is($issue->{code}, 'too-costly', '  as too costly');
like($issue->{diagnostics},
    qr/this search, and what it has asked for before \(its cost would be (\d+), the limit is 4000\)/,
    '  because of what came before');
is($t->get("/sum/r4/$method")->status, 200, '  and the next request begins at nothing');

my $made = $t->fhirctl('index', 'add', 'Observation', 'method');
is($made->{status}, 0, 'the index is made as advised') or diag $made->{err};
is($t->get("/cheap/r4/$method")->status, 200, 'and the search runs at once');

# ---- numbers of matches ----

$t->psql('VACUUM ANALYZE main.observation');
my $total = sub { $t->get("/dev/r4/Observation?_count=10&$_[0]")->json->{total} };
is($total->('code=1-8'), undef, '_total: none unless it is wanted');
is($total->('code=1-8&_total=accurate'), 4020, 'accurate');
my $guess = $total->('code=1-8&_total=estimate');
cmp_ok($guess, '>', 3000, "estimate: $guess");
cmp_ok($guess, '<', 5000, '  near the truth');
$t->psql(q{DELETE FROM main.observation WHERE id LIKE 'many%' AND id > 'many2'});
is($total->('code=1-8&_total=estimate'), $guess, '  and not counted: it knows nothing of what changed since');
is($total->('code=2-6&_total=estimate'), 10, '  but exact where a page holds all');
is($total->('_summary=count&code=1-8&_total=estimate'), $total->('code=1-8&_total=accurate'),
    '_summary=count is exact');

# ---- the time of a statement ----

$t->psql('ALTER TABLE main.basic RENAME TO basic_rows');
$t->psql('CREATE VIEW main.basic AS SELECT * FROM main.basic_rows WHERE pg_sleep(60) IS NOT NULL');
$t->psql('GRANT SELECT ON main.basic TO PUBLIC');
is_outcome($t->get('/dev/r4/Basic?code=x'), 503, 'timeout',
    qr/took longer.*add a patient.*fhirctl index add Basic code/, 'longer than FHIRStatementTimeout');
is($t->psql(q{SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%"basic"%' AND state = 'active' AND pid <>
    pg_backend_pid()}),
    '0', 'the statement is no longer run');
$t->allow_log(qr/FHIR0202: answered 503/);
is($t->get('/dev/r4/Patient/p1')->status, 200, 'and the worker is free');

# ---- _explain ----

sub explained {
    my $answer = $t->get("/dev/r4/$_[0]&_explain=true");
    is($answer->status, 200, "$_[0] explained") or diag $answer->body;
    my $outcome = $answer->json;
    is($outcome->{resourceType}, 'OperationOutcome', '  an OperationOutcome');
    return @{ $outcome->{issue} };
}
my ($matches, @more) = explained('Observation?patient=p1&code=http%3A%2F%2Floinc.org%7C2-6');
is($matches->{details}{text}, 'matches of type Observation', '  says what the statement is for');
my $text = $matches->{diagnostics};
like($text, qr/^SELECT t\.id.*\nFROM "\w+"\."observation" t\nWHERE .*\nLIMIT \$\d/s, '  has the SQL');
like($text, qr/^\$\d = p1$/m, '  the bound values');
like($text, qr/Index Scan.*using observation_patient_patient_date_idx.*\(actual time=[\d.]+ rows=\d+/,
    '  the plan with rows and times');
like($text, qr/^Execution Time: [\d.]+ ms/m, '  the time in all');
is(scalar @more, 0, '  and nothing else');
is_deeply([ map { $_->{details}{text} } explained('Patient?_id=p1&_total=accurate&_revinclude=Observation:patient') ],
    [ 'number of matches of type Patient', 'matches of type Patient', 'resources that are included' ],
    '  a step for each statement');
my $html = $t->get('/dev/r4/Patient?name=%3Cb%3Em&_explain=true', Accept => 'text/html,*/*;q=0.8');
like($html->header('Content-Type'), qr{^text/html}, 'a browser gets a page');
like($html->body, qr{<h2>1\. matches of type Patient</h2>\s*<pre>SELECT}, '  to be read');
like($html->body, qr{\$\d = \{&quot;%(?:\\n|&\#10;)&lt;b&gt;m%&quot;,&quot;% &lt;b&gt;m%&quot;\}}, '  with values')
    or diag $html->body;
unlike($html->body, qr/<b>/, '  that are text');
unlike($html->body, qr{<strong>information}, '  said once');
my $told = $t->get('/dev/r4/Patient?_id=p1&nothing=1', Prefer => 'handling=lenient', Accept => 'text/html')->body;
like($told, qr{<strong>warning</strong> nothing was ignored: }, 'a page of matches says in words what was ignored');
like($t->get('/dev/r4/Patient?name=m&_explain=true&_format=xml')->body,
    qr{^(?:<\?xml[^>]*>\s*)?<OperationOutcome .*EXPLAIN|Index|Scan}s, 'and XML is XML');
my ($warning) = $t->get('/dev/r4/Patient?nothing=1&_explain=true', Prefer => 'handling=lenient')->json->{issue}[0];
is("$warning->{severity} $warning->{code}", 'warning not-supported', 'what was ignored is told, too');
is($t->get('/dev/r4/Patient?_id=p1&_explain=false')->json->{resourceType}, 'Bundle',
    '_explain=false is no explanation');
is_outcome($t->get('/dev/r4/Patient?_explain=yes'), 400, 'invalid', qr/true or false/, 'another value');
is_outcome($t->get('/small/r4/Patient?_explain=true'), 400, 'not-supported', qr/no search parameter "_explain"; it has/,
    'where FHIRExplain is Off it is an unknown parameter');
unlike($t->log_text, qr/actual time|loinc\.org\|2-6/, 'and nothing of it is in the log');
$t->done;
