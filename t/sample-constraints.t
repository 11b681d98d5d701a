# SPDX-License-Identifier: Apache-2.0
# What fhirctl sample writes keeps the constraints of US Core's profiles, as npm "fhirpath" evaluates
# them, in each version.
use strict;
use warnings;
use FHIR::Test::Node qw(node);
use FHIR::Test::System qw(built run source_dir work_dir write_file);
use Test::More;

my $shared = source_dir() . '/../shared/fhir';
plan skip_all => 'the US Core packages are not beside the source tree' unless -d "$shared/us-core";
plan skip_all => 'npm is not installed' if run({}, 'sh', '-c', 'command -v npm')->{status};

my $done = run({}, built('fhirctl'), 'sample', '--patients', 14, '--as-of', '2026-11-20');
is($done->{status}, 0, 'fhirctl sample') or diag($done->{err});
my (%seen, @kept);    # two of each kind, told by the elements they have
for my $line (split /\n/, $done->{out}) {
    my ($type) = $line =~ /"resourceType":"(\w+)"/;
    my $names = join ' ', $line =~ /"(\w+)":/g;
    push @kept, "$line\n" if $seen{"$type $names"}++ < 2;
}
my @dirs;
for my $package (glob "$shared/us-core/*.tgz") {
    my $dir = work_dir() . '/' . $package =~ s{.*/}{}r;
    my $made = run({}, 'sh', '-c', 'mkdir "$1" && tar xzf "$0" -C "$1"', $package, $dir);
    is($made->{status}, 0, "unpacked $dir") or diag($made->{err});
    push @dirs, "$dir/package";
}

# 4.0.0 has the rule on onBehalfOf at an element from which agent.who cannot be seen.
sub findings {
    my ($name, @lines) = @_;
    my $checked = node('sample-constraints.js', write_file(work_dir() . "/$name.ndjson", join '', @lines), @dirs);
    is($checked->{status}, 0, "constraints of $name are evaluated") or diag($checked->{err});
    return grep { !/^4\.0\.0 us-core-provenance .*onBehalfOf/ } split /\n/, $checked->{out};
}
is_deeply([findings('sample', @kept)], ['evaluated more than 1000'], 'and hold');

my ($practitioner) = grep { /"resourceType":"Practitioner"/ } @kept;
$practitioner =~ s/(us-npi","value":"\d{9})(\d)/$1 . ($2 + 1) % 10/e;
like(join("\n", findings('wrong', $practitioner)), qr/us-core-17/, 'a wrong check digit is found');

done_testing;
