# SPDX-License-Identifier: Apache-2.0
# What fhirctl sample writes is valid FHIR R4 for somebody else's validator too (npm "fhir").
use strict;
use warnings;
use FHIR::Test::Node qw(node);
use FHIR::Test::System qw(built run work_dir write_file);
use JSON::PP ();
use Test::More;

plan skip_all => 'node is not installed' if run({}, 'sh', '-c', 'command -v npm')->{status};

my $done = run({}, built('fhirctl'), 'sample', '--patients', 24, '--as-of', '2026-11-20');
is($done->{status}, 0, 'fhirctl sample') or diag($done->{err});

# Observations differ in little but their numbers: of each code one is enough.
my (%seen, @kept);
for my $line (split /\n/, $done->{out}) {
    my ($type) = $line =~ /"resourceType":"(\w+)"/;
    my $names = join ' ', $line =~ /"(\w+)":/g;
    push @kept, "$line\n" if $seen{"$type $names"}++ < 2;
}
cmp_ok(scalar @kept, '>', 200, 'kinds of resources');
my $checked = node('fhir-validate.js', write_file(work_dir() . '/sample.ndjson', join '', @kept));
is($checked->{status}, 0, 'the validator ran') or diag($checked->{err});
is($checked->{out}, 'checked ' . @kept . "\n", 'and found nothing');

done_testing;
