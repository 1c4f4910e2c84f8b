package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/noafhir/noafhir/store/mongodb"
)

func shardCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "shard",
		Short: "Spread a store over the shards of a MongoDB cluster",
		Long: `shard makes the collections of a store in MongoDB sharded ones: resources by a
hash of their type and id, and what belongs to a resource with it. The store has to
be addressed by a mongos. It is best done before resources are loaded; done later,
the cluster moves them in the background while the server runs. It can be given
again, and does no more then.

With --dry-run it connects to nothing and prints the commands for mongosh that do
the same, for those who may not give noafhir the right to.`,
		Example: `  noafhir shard --store mongodb://mongos.example.org/noafhir
  noafhir shard --store mongodb://mongos.example.org/noafhir --dry-run | mongosh mongodb://mongos.example.org`,
		Args: cobra.NoArgs,
	}
}

// shard spreads the store over the shards of its cluster.
func shard(ctx context.Context, p *program, _ []string) (err error) {
	c := &p.settings
	problems := c.problems
	c.checkStore(&problems)
	url := c.Store.Reveal()
	if len(problems) == 0 && !isMongoDB(url) {
		problems.Add("--store: only a store in MongoDB can be sharded")
	}
	if len(problems) > 0 {
		return problems
	}
	if c.DryRun {
		commands, err := mongodb.ShardCommands(url)
		for _, command := range commands {
			fmt.Fprintln(p.stdout, command)
		}
		return err
	}
	if err := mongodb.CheckRouter(ctx, url); err != nil {
		return err
	}
	defs, err := loadDefinitions(noLimits)
	if err != nil {
		return err
	}
	st, err := c.openStore(ctx, defs, false, nil)
	if err != nil {
		return err
	}
	defer ending{&err}.with(st)
	spread, ok := st.(interface{ Shard(context.Context) error })
	if !ok {
		return errors.New("this store can not be sharded")
	}
	if err := spread.Shard(ctx); err != nil {
		return err
	}
	fmt.Fprintln(p.stdout, "the collections are sharded")
	return nil
}
