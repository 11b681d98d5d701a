#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# The examples of docs/search.md find something in the sample data: commands as a shell runs them, those
# in tables, the program that follows pages; and errors are what the page says they are.
use strict;
use warnings;
use FHIR::Test;
use FHIR::Test::System qw(built read_file run source_dir work_dir write_file);
use JSON::PP ();
use Test::More;

my $t = FHIR::Test->new;
my $sample = run({}, built('fhirctl'), 'sample', '--patients', 12);
$t->load(write_file(work_dir() . '/sample.ndjson', $sample->{out}));
my $text = read_file(source_dir() . '/docs/search.md') =~ s{http://127\.0\.0\.1:8080}{$t->url('')}gre;
my $json = JSON::PP->new->utf8;

# How many matches, parameters or codes an answer has.
sub found {
    my ($answer) = @_;
    my @entries = grep { ($_->{search}{mode} // 'match') eq 'match' } @{ $answer->{entry} || [] };
    return $answer->{total} || @entries || @{ $answer->{parameter} || $answer->{expansion}{contains} || [] };
}

my @commands = $text =~ /^    (curl .*)$/mg;
cmp_ok scalar @commands, '>', 15, 'there are examples';
for (@commands) {
    my $answer = eval { $json->decode(run({}, 'sh', '-c', s/^curl/curl -s/r)->{out}) } || {};
    ok(found($answer), $_) or diag($json->encode($answer));
}

# In tables: [base]/… of each row; of errors also what they are.
my ($tables, $errors) = split /^## Errors$/m, $text;
my @examples = map { s/\\\|/|/gr } grep { !/…/ } map { /`((?:[A-Z]\w+)?(?:\/[^`?]*)?\?[^`]*)`/g } $tables
    =~ /^ *(\|.*\|)$/mg;
cmp_ok scalar @examples, '>', 30, 'there are examples in tables';
for (@examples) {
    my $answer = $t->get("/dev/r4/$_");
    ok($answer->status == 200 && found($answer->json), $_) or diag($answer->body);
    next unless /_(?:rev)?include=/;
    ok(scalar(grep { $_->{search}{mode} eq 'include' } @{ $answer->json->{entry} }), '  and what comes along');
}
my @errors = $errors =~ /^\| `([A-Z][^`]*)` \| (\d+) \| `([\w-]+)` \| (.*) \|$/mg;
cmp_ok scalar @errors, '>', 5 * 4, 'there are errors';
while (my ($path, $status, $code, $diagnostics) = splice @errors, 0, 4) {
    my ($url, $start) = map { s/\\\|/|/gr } $path, $diagnostics =~ s/ ….*//r;
    is_outcome($t->get("/dev/r4/$url"), $status, $code, qr/^\Q$start\E/, $path);
}

# Those at the top are forms with made-up ids: they are understood.
my @forms = $text =~ m{^    GET \[base\]/(\S+)$}mg;
cmp_ok scalar @forms, '>', 4, 'there are forms';
for (@forms) { s/&_explain=true//; is $t->get("/dev/r4/$_")->status, 200, $_ }

SKIP: {
    skip 'Node is not installed', 1 if system 'node --version >/dev/null 2>&1';
    my ($program) = $text =~ /^```js\n(.*?)^```/ms;
    my $all = $t->get('/dev/r4/Observation?patient=amara-okafor&category=laboratory&_summary=count')->json->{total};
    is run({}, 'node', write_file(work_dir() . '/pages.mjs', $program))->{out}, "$all\n", 'the program finds all of it';
}

$t->done;
