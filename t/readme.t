# SPDX-License-Identifier: Apache-2.0
# The README's commands and lines of configuration, run as they are written, make a server that answers.
# Only what they are run on is the test's own: a cluster, a folder in PATH, a port, the module as built.
use strict;
use warnings;
use FHIR::Test::Debian qw(enable);
use FHIR::Test::Httpd;
use FHIR::Test::Postgres;
use FHIR::Test::System qw(apxs_value built pg_bin read_file run source_dir work_dir);
use JSON::PP qw(decode_json);
use Test::More;

plan skip_all => "this httpd's modules are not where Debian has them"
    if apxs_value('LIBEXECDIR') ne '/usr/lib/apache2/modules';

my $readme = read_file(source_dir() . '/README.md');
my ($install, $database, $configure, $ask) = $readme =~ /^\*\*\d\. .*?(?=^\*\*\d|^`conf)/msg;
ok($ask, 'the steps are found') or BAIL_OUT('the README has changed');

# The commands of a step, continued lines joined.
sub commands { return grep { length } map { s/^    //mgr } $_[0] =~ s/\\\n\s+//gr =~ /^    (.*)$/mg }

# The packages are those that quickstart installs, with the servers themselves.
my ($listed) = read_file(source_dir() . '/quickstart') =~ /^packages=\((.*?)^\)/ms;
my %packages = map { $_ => 1 } 'apache2', grep { !/^(?:test:|curl$|apache2-bin$)/ } split ' ', $listed;
my ($apt) = grep { /^apt-get install/ } commands($install);
my (undef, undef, @named) = split ' ', $apt;
is_deeply([ sort @named ], [ sort keys %packages ],
    'the packages are those that quickstart installs');

my $cluster = FHIR::Test::Postgres::start_cluster();
my $bin = work_dir() . '/bin';
mkdir $bin;
symlink built('fhirctl'), "$bin/fhirctl" or die "$bin: $!\n";
my ($programs) = pg_bin('createdb') =~ m{^(.*)/};
my %env = (%{ $cluster->env }, PATH => "$bin:$programs:$ENV{PATH}");
for my $command (commands($database)) {
    my $done = run({ env => \%env }, 'sh', '-c', $command);
    is($done->{status}, 0, "runs: $command") or diag($done->{out}, $done->{err});
}

my ($lines) = $configure =~ /^```apache\n(.*?)^```$/ms;
my $host = $lines =~ s{host=/run/postgresql}{host=$cluster->{dir} port=$cluster->{port}}r;
isnt($host, $lines, 'the socket is where Debian has it');
my $httpd = FHIR::Test::Httpd->new(as_written => 1, conf => enable($install) . $host);
$httpd->start;
my @answers;
for my $command (commands($ask)) {
    next unless $command =~ s{^curl http://127\.0\.0\.1/}{curl -s http://127.0.0.1:$httpd->{port}/};
    my $done = run({}, 'sh', '-c', $command);
    is($done->{status}, 0, "runs: $command");
    push @answers, decode_json($done->{out});
}
is($answers[0]{resourceType}, 'CapabilityStatement', 'the first answer');
is($answers[1]{resourceType}, 'Bundle', 'the second answer');
is($answers[1]{entry}[0]{resource}{resourceType}, 'Patient', 'and what is in it');
$httpd->stop;
is(join("\n", $httpd->log_faults), '', 'error_log holds no warning');

done_testing;
